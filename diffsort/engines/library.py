"""The compiled kernel: where it is, whether it loads, and what it is called in XLA."""

import ctypes
import functools
import re
from pathlib import Path

import jax
import jaxlib

FOLDER = Path(__file__).parent / "native"
_INTERFACE = 4  # of the handlers: what they are called with

# What the handlers are called in XLA, and in the library.
SORT, PERMUTE = "diffsort_sort", "diffsort_permute"
SELECT, PUT = "diffsort_select", "diffsort_put"
RECURRENCE = "diffsort_recurrence"
NETWORK, NETWORK_COTANGENT = "diffsort_network", "diffsort_network_cotangent"
NETWORK_TRANSPOSED = "diffsort_network_transposed"
NETWORK_TRANSPOSED_COTANGENT = "diffsort_network_transposed_cotangent"
BLOCKS, WITHIN_BLOCKS = "diffsort_blocks", "diffsort_within_blocks"
NEURALSORT, NEURALSORT_COTANGENT = "diffsort_neuralsort", "diffsort_neuralsort_cotangent"
LAPSUM, LAPSUM_COTANGENT = "diffsort_lapsum", "diffsort_lapsum_cotangent"
_SYMBOLS = {
    SORT: "DiffsortSort",
    SELECT: "DiffsortSelect",
    PUT: "DiffsortPut",
    PERMUTE: "DiffsortPermute",
    RECURRENCE: "DiffsortRecurrence",
    NETWORK: "DiffsortNetwork",
    NETWORK_COTANGENT: "DiffsortNetworkCotangent",
    NETWORK_TRANSPOSED: "DiffsortNetworkTransposed",
    NETWORK_TRANSPOSED_COTANGENT: "DiffsortNetworkTransposedCotangent",
    BLOCKS: "DiffsortBlocks",
    WITHIN_BLOCKS: "DiffsortWithinBlocks",
    NEURALSORT: "DiffsortNeuralSort",
    NEURALSORT_COTANGENT: "DiffsortNeuralSortCotangent",
    LAPSUM: "DiffsortLapSum",
    LAPSUM_COTANGENT: "DiffsortLapSumCotangent",
}


@functools.cache
def why_unavailable() -> str | None:
    """Registers the kernel with XLA; returns why that cannot be, or None where it is done."""
    path = FOLDER / "libdiffsort.so"
    if not path.exists():
        note = FOLDER / "unavailable.txt"
        return note.read_text(encoding="utf-8").strip() if note.exists() else f"there is no {path}"
    try:
        library = ctypes.CDLL(str(path))
        if library.diffsort_interface() != _INTERFACE:
            return f"{path.name} belongs to another version of diffsort: install diffsort again"
        handlers = {name: getattr(library, symbol) for name, symbol in _SYMBOLS.items()}
        compiled_for = library.diffsort_xla_major(), library.diffsort_xla_minor()
    except (OSError, AttributeError) as error:
        return f"{path.name} does not load: {error}"
    spoken = _xla_interface()
    if spoken and (spoken[0] != compiled_for[0] or spoken[1] < compiled_for[1]):
        # XLA would only say so when a sort is compiled.
        return (
            f"it was compiled for version {_dotted(compiled_for)} of XLA's interface, and jaxlib "
            f"{jaxlib.__version__} has {_dotted(spoken)}: install diffsort again, beside this jaxlib"
        )
    for name, handler in handlers.items():
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(handler), platform="cpu")
    return None


def instruction_set() -> str:
    """Returns the name of the instruction set that the kernel was compiled for and chose on this machine."""
    name = ctypes.CDLL(str(FOLDER / "libdiffsort.so")).diffsort_target
    name.restype = ctypes.c_char_p
    return str(name().decode())


def _xla_interface() -> tuple[int, int] | None:
    """The version of the interface that the installed jaxlib speaks, from its own header."""
    header = Path(jax.ffi.include_dir()) / "xla/ffi/api/c_api.h"
    text = header.read_text(encoding="utf-8") if header.exists() else ""
    found = dict(re.findall(r"#define XLA_FFI_API_(MAJOR|MINOR) (\d+)", text))
    return (int(found["MAJOR"]), int(found["MINOR"])) if len(found) == 2 else None


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
