"""Sorting within segments: values, permutations, ranks, and the greatest of each."""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import flag, integer, real_array
from diffsort._groups import (
    Groups,
    SegmentPlaces,
    find_groups,
    first_of,
    in_segments,
    places_of,
    prepare,
    sort_groups,
    with_an_element,
)
from diffsort._sharding import unshard
from diffsort.implementations import Chosen, ImplementationLike
from diffsort.permutations import invert

__all__ = [
    "SegmentPlaces",
    "segment_argsort",
    "segment_places",
    "segment_rank",
    "segment_sort",
    "segment_top_k",
]


def segment_places(
    segment_ids: ArrayLike, num_segments: int | None = None, *, indices_are_sorted: bool = False
) -> SegmentPlaces:
    """Returns what the places of a grouped order are: whose, which in the segment, and of how many.

    It sorts nothing. From it come weights that depend on the rank within a segment, as
    `segment_l_statistic` takes them: `position / (size - 1)` is the relative rank.

    Args:
        segment_ids: integers, shape (n,); those outside [0, num_segments) are dropped.
        num_segments: how many segments there are; None for those up to the greatest id, outside jit.
        indices_are_sorted: a promise that `segment_ids` ascend, which makes counting faster.

    Returns:
        The places; position and size are those of the dropped elements behind the last segment.

    >>> import jax.numpy as jnp
    >>> segment_places(jnp.array([1, 0, 1, 1]))
    SegmentPlaces(segment_ids=Array([0, 1, 1, 1], dtype=int32), position=Array([0, 0, 1, 2], dtype=int32), \
size=Array([1, 3, 3, 3], dtype=int32))
    """
    ids = real_array(segment_ids, "segment_ids")
    ids = unshard(ids, (0,)) if ids.ndim else ids
    return places_of(find_groups(ids.size, ids, num_segments, indices_are_sorted))


def segment_argsort(
    x: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    *,
    indices_are_sorted: bool = False,
    descending: bool = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the stable permutation that groups `x` by segment and sorts each segment.

    Args:
        x: shape (n, …), of any real dtype.
        segment_ids: integers, shape (n,); those outside [0, num_segments) are dropped.
        num_segments: how many segments there are; None for those up to the greatest id, outside jit.
        indices_are_sorted: a promise that `segment_ids` ascend, which makes counting faster.
        descending: each segment from the greatest down; ties stay in input order.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        int32 indices along axis 0, of the shape of `x`; dropped elements come last, in input order.

    >>> import jax.numpy as jnp
    >>> segment_argsort(jnp.array([3., 1., 2., 0.]), jnp.array([1, 0, 1, 5]), 2)
    Array([1, 2, 0, 3], dtype=int32)
    """
    array, groups, chosen = prepare(x, segment_ids, num_segments, indices_are_sorted, implementation)
    return _order(array, groups, chosen, flag(descending, "descending"))


def segment_sort(
    x: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    *,
    indices_are_sorted: bool = False,
    descending: bool = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Groups `x` by segment and sorts each segment.

    Differentiable as `diffsort.sort` is: elements are moved by a permutation, cotangents by its inverse.
    `segment_places` tells which segment each place belongs to.

    Args:
        x: as for `segment_argsort`, as are all others.
        segment_ids: shape (n,).
        num_segments: how many segments there are.
        indices_are_sorted: whether `segment_ids` ascend.
        descending: each segment from the greatest down; ties stay in input order.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        The shape and dtype of `x`; dropped elements come last, as 0, and have a gradient of 0.

    >>> import jax.numpy as jnp
    >>> segment_sort(jnp.array([3., 1., 2., 0.]), jnp.array([1, 0, 1, 0]))
    Array([0., 1., 2., 3.], dtype=float32)
    """
    array, groups, chosen = prepare(x, segment_ids, num_segments, indices_are_sorted, implementation)
    return sort_groups(array, groups, chosen, flag(descending, "descending"))[0]


def segment_rank(
    x: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    *,
    indices_are_sorted: bool = False,
    descending: bool = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the position of each element in the sorted order of its segment, from 0; ties in input order.

    Args:
        x: as for `segment_argsort`, as are all others.
        segment_ids: shape (n,).
        num_segments: how many segments there are.
        indices_are_sorted: whether `segment_ids` ascend.
        descending: rank 0 for the greatest of a segment.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        int32 ranks, of the shape of `x`; −1 for dropped elements.

    >>> import jax.numpy as jnp
    >>> segment_rank(jnp.array([3., 1., 2., 0.]), jnp.array([1, 0, 1, 5]), 2)
    Array([ 1,  0,  0, -1], dtype=int32)
    """
    array, groups, chosen = prepare(x, segment_ids, num_segments, indices_are_sorted, implementation)
    return _ranks(array, groups, chosen, flag(descending, "descending"))


def segment_top_k(
    x: ArrayLike,
    k: int,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    *,
    indices_are_sorted: bool = False,
    largest: bool = True,
    implementation: ImplementationLike = "manual",
) -> tuple[jax.Array, jax.Array]:
    """Returns the `k` greatest elements of each segment, from the greatest down, and where they stood.

    Args:
        x: as for `segment_argsort`, as are all others.
        k: how many of each segment, k ≥ 0.
        segment_ids: shape (n,).
        num_segments: how many segments there are.
        indices_are_sorted: whether `segment_ids` ascend.
        largest: False for the smallest, from the smallest up.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        (values, indices), both of shape (num_segments, k, …): the values differentiable, the indices int32
        rows of `x`. Where a segment has fewer elements, 0 and −1 follow. Of equal elements the first comes
        first.

    Raises:
        TypeError: `k` is not a Python integer.
        ValueError: `k` is negative.

    >>> import jax.numpy as jnp
    >>> segment_top_k(jnp.array([3., 1., 2., 4.]), 2, jnp.array([1, 0, 1, 1]))
    (Array([[1., 0.],
           [4., 3.]], dtype=float32), Array([[ 1, -1],
           [ 3,  0]], dtype=int32))
    """
    k = integer(k, "k")
    if k < 0:
        raise ValueError(f"k={k} must not be negative.")
    array, groups, chosen = prepare(x, segment_ids, num_segments, indices_are_sorted, implementation)
    return _top_k(array, k, groups, chosen, flag(largest, "largest"))


@functools.partial(jax.jit, static_argnames="descending")
def _order(x: jax.Array, groups: Groups, chosen: Chosen, descending: bool) -> jax.Array:
    return groups.order(chosen, x, descending)


@functools.partial(jax.jit, static_argnames="descending")
def _ranks(x: jax.Array, groups: Groups, chosen: Chosen, descending: bool) -> jax.Array:
    order = groups.order(chosen, x, descending)
    start = jnp.concatenate([groups.start, jnp.zeros(1, jnp.int32)])[groups.ids]
    start, is_there = (
        jnp.broadcast_to(a.reshape(-1, *[1] * (x.ndim - 1)), x.shape)
        for a in (start, groups.ids < groups.number)
    )
    return jnp.where(is_there, invert(order, 0) - start, -1)


@functools.partial(jax.jit, static_argnames=("k", "largest"))
def _top_k(
    x: jax.Array, k: int, groups: Groups, chosen: Chosen, largest: bool
) -> tuple[jax.Array, jax.Array]:
    x, groups = with_an_element(x, groups)
    order = groups.order(chosen, x, largest)
    index, is_there = first_of(groups, k, x.ndim + 1)
    values, indices = in_segments(x, order, groups, index)
    return jnp.where(is_there, values, jnp.zeros_like(values)), jnp.where(is_there, indices, -1)
