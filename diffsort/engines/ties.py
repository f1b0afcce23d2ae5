"""The order of equal elements."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax


def reversed_ties(argsort: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Returns an argsort that puts the last of equal elements first.

    jax.numpy.sort goes down by reversing what it sorted up, and so ties, and their gradients, come in
    reverse order.

    Args:
        argsort: `argsort(x, *, axis, descending, where)`, ties in input order.
    """

    def reversed_argsort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        where = None if where is None else lax.rev(where, (axis,))
        indices = argsort(lax.rev(x, (axis,)), axis=axis, descending=descending, where=where)
        return jnp.int32(x.shape[axis] - 1) - indices

    return reversed_argsort
