"""The kernel by itself under sanitizers: no step beyond an array, no undefined shift, and right results."""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.engines.building import build

HERE = Path(__file__).parent
SORTS, SELECTIONS, NETWORKS, OTHERS = (
    HERE / f"{name}_fuzz.py" for name in ("kernel", "select", "network", "relaxed")
)
# Checks as calls, not inline: the code is a third as large, and compiles so much sooner.
SANITIZERS = (
    *("-O1", "-g1", "--param", "asan-instrumentation-with-call-threshold=0"),
    *("-fsanitize=address,shift,signed-integer-overflow,bounds,alignment", "-fno-sanitize-recover=all"),
)
# So that long rows come to be split in the middle of their range, as adversarial ones are.
EARLY_FALLBACK = "-DDIFFSORT_SAMPLED_SPLITS=2"
TARGETS = ("plain", "avx2", "avx512") if platform.machine().lower() in ("x86_64", "amd64") else ("plain",)
CASES = 250


def runtime() -> str:
    """The sanitizer's library, to be loaded before Python itself."""
    try:
        compiler = build.find_compiler()
    except build.BuildError as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory() as folder:  # whether it is GCC, and takes the flags
        source, target = Path(folder, "empty.cc"), Path(folder, "empty.so")
        source.touch()
        command = [*compiler, *SANITIZERS, "-shared", "-fPIC", str(source), "-o", str(target)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip(f"{compiler[0]} is not GCC, or has no sanitizers")
    asked = [*compiler, "-print-file-name=libasan.so"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if not os.path.isabs(found):  # its own name, where there is none
        pytest.skip(f"{compiler[0]} has no libasan.so")
    return found


def fuzz(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0", **environment},  # Python itself leaks
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The kernel, and what to load before it."""
    preload = runtime()
    compiled = tmp_path_factory.mktemp("sanitized") / "libdiffsort.so"
    build.build(compiled, for_tests=True, flags=(*SANITIZERS, EARLY_FALLBACK))
    return str(compiled), preload


# All in one test: a parallel run would compile the kernel once for each worker.
@pytest.mark.slow
def test_random_cases_under_sanitizers(sanitized: tuple[str, str]) -> None:
    compiled, preload = sanitized
    overflow = fuzz(SORTS, compiled, "--cases=0", "--overflow", LD_PRELOAD=preload)
    assert overflow.returncode != 0, "the sanitizer sees nothing"
    assert "heap-buffer-overflow" in overflow.stderr

    for target in TARGETS:
        for threads in (1, 3):
            scripts = ((SORTS, CASES), (SELECTIONS, CASES // 2), (NETWORKS, CASES // 5), (OTHERS, CASES))
            for script, cases in scripts:
                options = (f"--cases={cases}", f"--seed={threads}", f"--threads={threads}")
                done = fuzz(script, compiled, *options, LD_PRELOAD=preload, DIFFSORT_TARGET=target)
                assert done.returncode == 0, (
                    f"{target}, {threads} threads: {done.stdout}{done.stderr[-5000:]}"
                )
                assert f"{cases} cases agree" in done.stdout
