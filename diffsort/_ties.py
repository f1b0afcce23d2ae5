"""Ranks that equal elements share: found where neighbours in sorted order differ."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from diffsort import _sharding, engines
from diffsort._sorting import count_valid, is_trivial, sort_both
from diffsort.engines.keys import order_keys
from diffsort.implementations import Chosen


@functools.partial(jax.jit, static_argnames=("axis", "descending", "method"))
def shared_rank(
    chosen: Chosen, x: jax.Array, axis: int, where: jax.Array | None, descending: bool, method: str
) -> jax.Array:
    """Returns the rank of each element: "average", "min", "max" or "dense" among those that are equal.

    Args:
        chosen: an implementation that has a permutation.
        x: what to rank; 0 where it is masked.
        axis: non-negative.
        where: None or of the shape of `x`; masked elements tie with each other, behind all others.
        descending: rank 0 for the greatest.
        method: as in `diffsort.rank`.
    """
    chosen.permutation()  # refused here if there is none
    if is_trivial(x, axis):
        return jnp.zeros_like(x, dtype=_dtype(method))
    ordered, indices = sort_both(chosen, lax.stop_gradient(x), axis, where, descending)
    share = functools.partial(_share, axis=axis, method=method)
    with jax.named_scope("diffsort.rank"):
        return _sharding.on_shards(share, axis, ordered, indices, where=where)


def _share(
    ordered: jax.Array, indices: jax.Array, where: jax.Array | None, *, axis: int, method: str
) -> jax.Array:
    n = ordered.shape[axis]
    keys = order_keys(ordered).values  # equal where the sort takes elements for equal
    position = lax.broadcasted_iota(jnp.int32, ordered.shape, axis)
    before = jnp.concatenate(
        [lax.slice_in_dim(keys, 0, 1, axis=axis), lax.slice_in_dim(keys, 0, -1, axis=axis)], axis
    )
    is_first = (position == 0) | (keys != before)
    if where is not None:
        is_first |= position == count_valid(where, axis)
    if method == "dense":
        ranks = lax.cumsum(is_first.astype(jnp.int32), axis) - 1
    else:
        first = lax.cummax(jnp.where(is_first, position, 0), axis)
        ends = jnp.ones_like(lax.slice_in_dim(is_first, 0, 1, axis=axis))
        is_last = jnp.concatenate([lax.slice_in_dim(is_first, 1, None, axis=axis), ends], axis)
        last = lax.cummin(jnp.where(is_last, position, n - 1), axis, reverse=True)
        if method == "average":
            middle = (last - first).astype(_dtype(method)) / 2
            ranks = first.astype(middle.dtype) + middle
        else:
            ranks = first if method == "min" else last
    return engines.BEST.scatter(ranks, indices, axis)


def _dtype(method: str) -> Any:
    return jnp.result_type(float) if method == "average" else jnp.int32
