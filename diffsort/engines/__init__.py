"""How the sorting permutation is found. Engines never touch differentiation."""

from collections.abc import Callable

from diffsort.engines import library
from diffsort.engines.engine import Engine, narrow_dtype

BEST = Engine("best")

# At once: an executable that was compiled and stored elsewhere asks for the kernel, and not for diffsort.
library.why_unavailable()


def _always_available() -> str | None:
    return None


# By name: why it cannot be had, or None if it can.
ENGINES: dict[str, Callable[[], str | None]] = {
    "xla": _always_available,
    "native": library.why_unavailable,
}

__all__ = ["BEST", "ENGINES", "Engine", "library", "narrow_dtype"]
