"""Compiles the native kernel: run by the install, or by hand after a change to the sources.

python diffsort/engines/native/build.py
"""

import concurrent.futures
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent
LIBRARY = SOURCES / "libdiffsort.so"
REASON = SOURCES / "unavailable.txt"  # why there is no library, for diffsort.info to tell

_FLAGS = ["-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"]
# Words are never NaN, and never −0 beside +0: so a minimum is one instruction.
_SORT_FLAGS = ["-fno-signed-zeros", "-ffinite-math-only", "-Wno-psabi", "-Wno-unused-but-set-parameter"]
# Compiled once, and once for each instruction set.
_UNITS = (
    "sort",
    "select",
    "permute",
    "put",
    "recurrence",
    "lapsum",
    "isotonic",
    "soft_network",
    "neuralsort",
    "memory",
    "pool",
)
_SOFT_TARGETS = ("soft_network", "neuralsort")
_SOFT_FLAGS = ["-Wno-psabi"]  # numbers may be infinite or NaN here
_AVX2 = ["-mavx2", "-mbmi2", "-mfma"]
_AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mbmi2", "-mprefer-vector-width=512"]
_X86_TARGETS = {"plain": [], "avx2": _AVX2, "avx512": _AVX512}
# A wheel brings what it uses of the C++ library, and shows none of it. It so runs with an older one.
_OWN_LIBSTDCXX = ["-static-libstdc++", "-Wl,--exclude-libs,ALL", "-Wl,--gc-sections"]


class BuildError(Exception):
    """The kernel cannot be compiled here; the message says why, in a line."""


def find_compiler() -> list[str]:
    """Returns the command of a C++ compiler.

    Raises:
        BuildError: there is none, or the environment asks for none.
    """
    if os.environ.get("DIFFSORT_NATIVE") == "0":
        raise BuildError("the installation was told to leave it out (DIFFSORT_NATIVE=0)")
    named = os.environ.get("CXX")
    for command in [named] if named else ["c++", "g++", "clang++"]:
        try:
            parts = shlex.split(command)
        except ValueError:  # a quotation mark alone
            continue
        if parts and shutil.which(parts[0]):
            return parts
    where = f"CXX={named}, which is no command" if named else "no c++, g++ or clang++ on the path"
    raise BuildError(f"there was no C++ compiler at install ({where}): install one, then diffsort again")


def build(library: Path = LIBRARY, *, for_tests: bool = False, flags: tuple[str, ...] = ()) -> None:
    """Compiles the kernel into a shared library.

    Args:
        library: where it goes.
        for_tests: with plain C entry points in place of XLA's.
        flags: more flags for the compiler and the linker, such as those of a sanitizer; they come last, and
            so overrule others.

    Raises:
        BuildError: there is no compiler, it fails, or XLA's headers are missing.
    """
    compiler = find_compiler()
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    targets = _X86_TARGETS if is_x86 else {"plain": []}
    common = [*_FLAGS, *(["-DDIFFSORT_X86"] if is_x86 else [])]
    units = {
        name: ("sort_target.cc", [*_SORT_FLAGS, f"-DDIFFSORT_TARGET={name}", *more])
        for name, more in targets.items()
    }
    units |= {
        f"select_{name}": ("select_target.cc", [*_SORT_FLAGS, f"-DDIFFSORT_TARGET={name}", *more])
        for name, more in targets.items()
    }
    units |= {
        f"{unit}_{name}": (f"{unit}_target.cc", [*_SOFT_FLAGS, f"-DDIFFSORT_TARGET={name}", *more])
        for name, more in targets.items()
        for unit in _SOFT_TARGETS
    }
    units |= {name: (f"{name}.cc", []) for name in _UNITS}
    if for_tests:
        units["entry_points"] = ("c_api.cc", [])
    else:
        headers = _xla_headers()  # whose assertions would name the folder: the same sources, the same bytes
        units["entry_points"] = ("ffi.cc", ["-isystem", str(headers), f"-ffile-prefix-map={headers}=."])
    with tempfile.TemporaryDirectory() as folder:

        def compile_unit(name: str) -> str:
            source, more = units[name]
            result = str(Path(folder) / f"{name}.o")
            _run([*compiler, *common, *more, *flags, "-c", str(SOURCES / source), "-o", result])
            return result

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(compile_unit, units))
        linked = Path(folder) / "linked.so"
        link = [*compiler, *flags, "-shared", *objects, "-pthread", "-o", str(linked)]
        try:
            _run([*link, *_OWN_LIBSTDCXX])
        except BuildError:
            _run(link)
        shutil.move(linked, library)  # whole or not at all


def build_or_say_why() -> str | None:
    """Compiles the kernel into its place; where that fails, notes why, and returns it."""
    LIBRARY.unlink(missing_ok=True)
    REASON.unlink(missing_ok=True)
    try:
        build()
    except BuildError as error:
        REASON.write_text(f"{error}\n", encoding="utf-8")
        return str(error)
    return None


def _xla_headers() -> Path:
    jaxlib = importlib.util.find_spec("jaxlib")
    for folder in (jaxlib.submodule_search_locations if jaxlib else None) or ():
        if (Path(folder) / "include/xla/ffi/api/ffi.h").exists():
            return Path(folder) / "include"
    raise BuildError("the headers of XLA were not found at install: is jaxlib installed?")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"the C++ compiler failed at install: {error}") from None
    if done.returncode:
        said = next(
            (line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[-200:]
        )
        said = said or f"{command[0]} ended with status {done.returncode} and no word"
        raise BuildError(f"the C++ compiler failed at install: {said}")


if __name__ == "__main__":
    sys.exit(build_or_say_why())
