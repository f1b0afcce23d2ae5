"""The compiled kernel: where it is, whether it loads, and what it is called in XLA."""

import ctypes
import functools
from pathlib import Path

import jax

FOLDER = Path(__file__).parent / "native"
SORT, PERMUTE = "diffsort_sort", "diffsort_permute"


@functools.cache
def why_unavailable() -> str | None:
    """Registers the kernel with XLA; returns why that cannot be, or None where it is done."""
    path = FOLDER / "libdiffsort.so"
    if not path.exists():
        note = FOLDER / "unavailable.txt"
        return note.read_text(encoding="utf-8").strip() if note.exists() else f"there is no {path}"
    try:
        library = ctypes.CDLL(str(path))
        handlers = {SORT: library.DiffsortSort, PERMUTE: library.DiffsortPermute}
    except (OSError, AttributeError) as error:
        return f"{path.name} does not load: {error}"
    for name, handler in handlers.items():
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(handler), platform="cpu")
    return None


def instruction_set() -> str:
    """Returns the name of the instruction set that the kernel was compiled for and chose on this machine."""
    name = ctypes.CDLL(str(FOLDER / "libdiffsort.so")).diffsort_target
    name.restype = ctypes.c_char_p
    return str(name().decode())
