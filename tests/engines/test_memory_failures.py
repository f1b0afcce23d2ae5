"""No allocation that fails ends the process: it is refused, or done all the same, and then done right."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from diffsort.engines import library
from tests.engines.building import build

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What to load before glibc, so that allocations fail."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("needs glibc")
    try:
        compiler = build.find_compiler()
    except build.BuildError as error:
        pytest.skip(str(error))
    target = tmp_path_factory.mktemp("failing") / "failing.so"
    sources = [f"-I{library.FOLDER}", str(HERE / "failing_memory.cc")]
    subprocess.run([*compiler, "-shared", "-fPIC", *sources, "-o", str(target), "-ldl"], check=True)
    return str(target)


def fail(failing: str, script: str, *arguments: str) -> None:
    """Runs a script with that loaded; it must have seen both outcomes, and no other."""
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        env={**os.environ, "LD_PRELOAD": failing, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr[-5000:]}"
    counts = [int(count) for count in re.findall(r"(\d+) (?:refused|sorted)", done.stdout)]
    assert len(counts) == 2, done.stdout
    assert min(counts) > 0, "no such failure was injected"


def test_in_xla(failing: str) -> None:
    if reason := library.why_unavailable():
        pytest.skip(reason)
    fail(failing, "native_failures.py", failing)


@pytest.mark.slow
def test_in_the_kernel_alone(failing: str, tmp_path: Path) -> None:
    compiled = tmp_path / "libdiffsort.so"
    build.build(compiled, for_tests=True, flags=("-O1",))
    for threads in (1, 3):
        fail(failing, "kernel_failures.py", str(compiled), failing, f"--threads={threads}")
