"""How the sorting permutation is found. Engines never touch differentiation."""

from collections.abc import Callable

import jax

from diffsort.engines import xla

Argsort = Callable[..., jax.Array]

ENGINES: dict[str, Argsort] = {"xla": xla.argsort}


def best() -> Argsort:
    """The fastest engine there is."""
    return ENGINES["xla"]
