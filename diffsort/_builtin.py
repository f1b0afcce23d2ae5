"""Sorts by JAX's own functions: with JAX's derivative ("builtin"), and the article's ("double_argsort")."""

import jax
import jax.numpy as jnp
from jax import lax

from diffsort.engines.gathering import gather
from diffsort.engines.xla import reverse_ties
from diffsort.permutations import linear_permutation


def sort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    """jax.numpy.sort, with a mask."""
    if where is None:
        return jnp.sort(x, axis, descending=descending)
    # Reversed, masked elements must come last again, so they are sorted to the front.
    last = where if descending else ~where
    _, values = lax.sort((last, x), dimension=axis, is_stable=True, num_keys=2)
    return lax.rev(values, (axis,)) if descending else values


def argsort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    """jax.numpy.argsort in lax terms: by itself it loses track of varying axes inside a shard_map."""
    iota = lax.broadcasted_iota(jnp.int32, x.shape, axis)
    if not descending:
        keys = (x,) if where is None else (~where, x)
        return _sorted_last(*keys, iota, axis=axis)
    # Reversed before and after, ties keep the order of the input.
    keys = (x,) if where is None else (where, x)
    reversed_operands = (lax.rev(a, (axis,)) for a in (*keys, iota))
    return lax.rev(_sorted_last(*reversed_operands, axis=axis), (axis,))


def _sorted_last(*operands: jax.Array, axis: int) -> jax.Array:
    """Sorts all operands by all but the last, and returns that one."""
    return lax.sort(operands, dimension=axis, is_stable=True, num_keys=len(operands) - 1)[-1]


def permute(x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
    """jax.numpy.take_along_axis, with JAX's derivative."""
    return jnp.take_along_axis(x, indices, axis)


def permute_by_argsort(x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
    """The article's derivative: the inverse of a permutation is its argsort."""

    def unpermute(values: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
        iota = lax.broadcasted_iota(jnp.int32, indices.shape, axis)
        return gather(values, _sorted_last(indices, iota, axis=axis), axis)

    return linear_permutation(x, indices, axis, unpermute=unpermute)


def sort_by_argsort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    """Moves `x` through its permutation, with the derivative of `permute_by_argsort`."""
    find = reverse_ties(argsort) if descending else argsort
    indices = find(lax.stop_gradient(x), axis=axis, descending=descending, where=where)
    return permute_by_argsort(x, indices, axis)
