"""How the sorting permutation is found. Engines never touch differentiation."""

import functools
from collections.abc import Callable

import jax

from diffsort.engines import library, native, xla
from diffsort.engines.engine import Engine


def best() -> Engine:
    """The fastest engine for JAX's default device; the programs it makes run on every platform."""
    is_native = jax.default_backend() == "cpu" and library.why_unavailable() is None
    return _native(is_forced=False) if is_native else xla.ENGINE


@functools.cache
def _native(is_forced: bool) -> Engine:
    parts = native.Native(is_forced=is_forced)
    return Engine(parts.argsort, parts.sort_with_indices, parts.sort, parts.gather, parts.scatter)


def _always_available() -> str | None:
    return None


# By name: how to get it, and why it cannot be had (None if it can).
ENGINES: dict[str, tuple[Callable[[], Engine], Callable[[], str | None]]] = {
    "xla": (lambda: xla.ENGINE, _always_available),
    "native": (functools.partial(_native, is_forced=True), library.why_unavailable),
}
