"""Scores and what they are held against: arrays of one shape, element by element, compared by ranks."""

import dataclasses
import functools
from collections.abc import Callable, Hashable

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, floating, mask_like
from diffsort._precision import computing_dtype
from diffsort._ranked import elements_at
from diffsort._sharding import reshard_like, unshard
from diffsort._sorting import count_valid, move, positions, sort_both, zero_masked
from diffsort.implementations import Chosen, Implementation, ImplementationLike, get_implementation
from diffsort.permutations import invert


def along_rows(
    function: Callable[..., jax.Array],
    scores: ArrayLike,
    other: jax.Array,
    axis: int,
    where: ArrayLike | None,
    implementation: ImplementationLike,
    *static: Hashable,
    name: str,
) -> jax.Array:
    """Returns `function(scores, other, where, chosen, *static)`, compiled as a whole.

    The function gets rows along the last axis, 0 where they are masked: scores in float32 at least, the
    other array as it is. What it returns becomes NaN in a row that holds a NaN, and 0 where all is masked.

    Args:
        function: of a module, so that what is compiled for it is found again.
        scores: floating.
        other: real: of the shape of the scores, or of length 1 along `axis`.
        axis: the axis of the elements.
        where: boolean mask, broadcastable to the scores.
        implementation: as in `diffsort.sort`.
        *static: arguments that are Python values.
        name: what the scores are called in messages.

    Raises:
        TypeError: the scores are not floating, or `where` not boolean.
        ValueError: `axis` is out of range, `where` does not broadcast to the scores, or no implementation has
            that name.
    """
    chosen = get_implementation(implementation)
    x = floating(scores, name)
    axis = canonical_axis(axis, x.ndim)
    x = unshard(x, (axis,))
    other = reshard_like(unshard(other, (axis,)), x)
    mask = None if where is None else mask_like(where, x)
    if mask is not None:
        x = zero_masked(x, mask)
        other = zero_masked(other, mask) if other.shape == x.shape else other
    return _compiled(function, x, other, mask, chosen, axis, static)


@functools.partial(jax.jit, static_argnames=("function", "axis", "static"))
def _compiled(
    function: Callable[..., jax.Array],
    x: jax.Array,
    other: jax.Array,
    where: jax.Array | None,
    chosen: Chosen,
    axis: int,
    static: tuple[Hashable, ...],
) -> jax.Array:
    dtype = x.dtype
    if jnp.issubdtype(other.dtype, jnp.floating):
        dtype = jnp.promote_types(dtype, other.dtype)
    if isinstance(x.shape[axis], int) and not x.shape[axis]:
        return jnp.full(x.shape[:axis] + x.shape[axis + 1 :], jnp.nan, dtype)
    x, other, where = jax.tree.map(lambda a: jnp.moveaxis(a, axis, -1), (x, other, where))
    found = function(x.astype(computing_dtype(dtype)), other, where, chosen, *static)
    if where is not None:
        found = jnp.where(jnp.any(where, -1), found, jnp.zeros_like(found))
    return _with_nan(found, x, other).astype(dtype)


def _with_nan(result: jax.Array, *arrays: jax.Array) -> jax.Array:
    """Returns the results of rows, and for a row that holds a NaN that NaN, so that none is made here."""
    for array in arrays:
        if not jnp.issubdtype(array.dtype, jnp.floating):
            continue
        fixed = lax.stop_gradient(array)
        nan = jnp.where(jnp.isnan(fixed), fixed, jnp.zeros_like(fixed)).astype(result.dtype)
        nan = jnp.sum(nan, -1)
        result = jnp.where(jnp.isnan(nan), nan, result)
    return result


def exact(chosen: Chosen) -> Implementation:
    """Returns an implementation with a permutation: "manual" in the place of a relaxed sort."""
    return chosen if isinstance(chosen, Implementation) else exact(get_implementation("manual"))


@dataclasses.dataclass(frozen=True)
class Order:
    """The order of the elements of rows, in which equal ones stand together.

    Attributes:
        start: at each rank, the rank of the first element equal to the one there, int32.
        end: that of the last.
        indices: which element has each rank.
        chosen: the implementation that found it.
    """

    start: jax.Array
    end: jax.Array
    indices: jax.Array
    chosen: Implementation

    def average_ranks(self, dtype: jnp.dtype) -> jax.Array:
        """Returns the rank of each element from 0, equal ones sharing their mean, in input order."""
        return self._in_input_order((self.start + self.end).astype(dtype) / 2)

    def average_weights(self, weights: jax.Array) -> jax.Array:
        """Returns the weight of each element's rank, equal elements sharing their mean, in input order.

        Args:
            weights: of the ranks 0, 1, … along the last axis, of length 1 along the others.
        """
        weights = reshard_like(jnp.broadcast_to(weights, self.start.shape), self.start)
        until = jnp.cumsum(weights, -1)
        first = elements_at(weights, self.start, -1)
        total = elements_at(until, self.end, -1) - elements_at(until, self.start, -1) + first
        size = (self.end - self.start + 1).astype(weights.dtype)
        # The weight of an element without an equal is not rounded.
        return self._in_input_order(jnp.where(self.start == self.end, weights, total / size))

    def _in_input_order(self, values: jax.Array) -> jax.Array:
        axis = values.ndim - 1
        return move(self.chosen, values, invert(self.indices, axis), axis)


def order_of(x: jax.Array, where: jax.Array | None, chosen: Implementation, descending: bool) -> Order:
    """Returns the order of rows; masked elements come last, and equal no other."""
    axis = x.ndim - 1
    values, indices = sort_both(chosen, lax.stop_gradient(x), axis, where, descending)
    n = x.shape[axis]
    position = positions(n, x.ndim, axis)
    is_new = values[..., 1:] != values[..., :-1]
    if where is not None:
        is_new |= position[..., 1:] >= count_valid(where, axis)
    edge = jnp.ones_like(values[..., :1], bool)
    first = jnp.concatenate([edge, is_new], -1)
    last = jnp.concatenate([is_new, edge], -1)
    return Order(
        lax.cummax(jnp.where(first, position, 0), axis),
        lax.cummin(jnp.where(last, position, jnp.int32(n - 1)), axis, reverse=True),
        indices,
        chosen,
    )
