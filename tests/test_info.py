"""python -m diffsort.info: what it tells, and that it always does."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import diffsort
from diffsort import engines, info
from diffsort.engines import library

ROOT = Path(diffsort.__file__).parent.parent


def unavailable(monkeypatch: pytest.MonkeyPatch, reason: str | None) -> None:
    engine = engines.Engine("native", why_unavailable=lambda: reason)
    monkeypatch.setitem(engines.ENGINES, "native", engine)
    monkeypatch.setattr(library, "why_unavailable", lambda: reason)


def available(monkeypatch: pytest.MonkeyPatch) -> None:
    unavailable(monkeypatch, None)


def test_versions_and_devices() -> None:
    page = info.describe()
    assert f"diffsort {diffsort.__version__}" in page
    for line in (f"jax {jax.__version__}", "jaxlib ", "flax ", "numpy ", "python 3."):
        assert f"\n  {line}" in page
    assert f"{jax.devices()[0].platform}:0" in page


def test_a_version_out_of_range(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = dict.fromkeys(("jax", "jaxlib", "flax", "numpy"), "99.0")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: versions.get(name, "1.0"))
    page = info.describe()
    for name in versions:
        assert f"\n  {name} 99.0, which is too new: diffsort needs {name}>=" in page


def test_an_engine_that_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    available(monkeypatch)
    monkeypatch.setattr(library, "instruction_set", lambda: "avx1024")
    page = info.describe()
    assert "xla: available\n" in page
    assert f"native: available (avx1024), {library.FOLDER / 'libdiffsort.so'}\n" in page
    assert "implementation='manual'\n  the engine 'native' on CPUs, 'xla' elsewhere\n" in page


def test_an_engine_that_is_not_says_why_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    unavailable(monkeypatch, "there was no compiler\nat all")
    page = info.describe()
    assert "\n  native: not available: there was no compiler at all\n" in page
    assert "implementation='manual'\n  the engine 'xla' everywhere\n" in page


def test_what_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info.transport, "why_unavailable", lambda: None)
    assert info.describe().split("implementation='ott'\n")[1].startswith("  available, ott-jax ")
    monkeypatch.setattr(info.transport, "why_unavailable", lambda: "it rains")
    assert info.describe().endswith("implementation='ott'\n  not available: it rains")


def test_what_is_broken_does_not_hide_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("undefined\nsymbol")

    available(monkeypatch)
    monkeypatch.setattr(library, "instruction_set", fail)
    monkeypatch.setattr(jax, "devices", fail)
    monkeypatch.setattr(library, "why_unavailable", fail)
    page = info.describe()
    assert "Devices\n  unknown (OSError: undefined symbol)\n" in page
    assert "xla: available\n  native: unknown (OSError: undefined symbol)\n" in page
    assert "implementation='manual'\n  unknown (OSError: undefined symbol)\n" in page


def test_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "diffsort.info"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert "Devices\n  unknown (RuntimeError: " in done.stdout
    is_native = library.why_unavailable() is None
    assert ("native: available (" in done.stdout) == is_native
    assert ("native: not available: " in done.stdout) == (not is_native)
