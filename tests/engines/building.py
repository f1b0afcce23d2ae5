"""The module that compiles the kernel. It is a script beside the sources, and in no package."""

import importlib.util

import pytest

from diffsort.engines import library

_PATH = library.FOLDER / "build.py"
if not _PATH.exists():
    pytest.skip("this installation has no sources of the kernel", allow_module_level=True)
_spec = importlib.util.spec_from_file_location("diffsort_build", _PATH)
assert _spec is not None
assert _spec.loader is not None
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)
