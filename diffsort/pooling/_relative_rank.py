"""Weights as a piecewise linear function of the relative rank, for sets of every size."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import real_array
from diffsort._precision import at_least_float32


def as_knots(knots: ArrayLike, x: jax.Array) -> jax.Array:
    """Returns `knots` as an array that fits the channels of `x`.

    Raises:
        TypeError: they are not real.
        ValueError: their shape is not (channels, pieces + 1).
    """
    array = real_array(knots, "knots")
    if array.ndim != 2 or array.shape[0] != x.shape[-1] or array.shape[1] < 2:
        raise ValueError(
            f"knots of shape {array.shape} do not fit x of shape {x.shape}: "
            f"expected ({x.shape[-1]}, pieces + 1) with at least one piece."
        )
    return array


def weights_by_rank(knots: jax.Array, n: int, count: jax.Array, *, descending: bool) -> jax.Array:
    """Returns what each of n sorted places weighs, shape (*count.shape, n, channels).

    Of `count` elements the greatest takes the first knot, the smallest the last; a single one the first.

    Args:
        knots: shape (channels, pieces + 1).
        n: places, of which only the first `count` mean anything.
        count: how many elements there are, int32, any shape.
        descending: whether the first place is that of the greatest.
    """
    dtype = at_least_float32(knots).dtype
    last = jnp.maximum(count - 1, 0).astype(dtype)[..., None]
    position = jnp.arange(n, dtype=dtype).reshape((1,) * count.ndim + (n,))
    rank = position if descending else last - position
    basis = _hat_basis(jnp.clip(rank / jnp.maximum(last, 1), 0, 1), knots.shape[1] - 1)
    return jnp.matmul(basis.astype(knots.dtype), knots.T, precision=lax.Precision.HIGHEST)


def _hat_basis(place: jax.Array, pieces: int) -> jax.Array:
    """Returns what each knot contributes at places in [0, 1], shape (*place.shape, pieces + 1)."""
    knot = jnp.arange(pieces + 1, dtype=place.dtype).reshape((1,) * place.ndim + (pieces + 1,))
    return jnp.maximum(0, 1 - jnp.abs((place * pieces)[..., None] - knot))
