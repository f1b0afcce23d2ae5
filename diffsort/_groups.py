"""What all segment ops begin with: which segment each element is of, and where each segment comes to lie."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from diffsort import _sharding
from diffsort._arguments import as_array, broadcast_like, concrete, flag, integer, real_array
from diffsort._precision import computing_dtype
from diffsort._ranked import Ranked, elements_at
from diffsort._several_keys import find_order
from diffsort._sorting import is_trivial, move, zero_masked
from diffsort.implementations import Chosen, ImplementationLike, get_implementation


class Groups(NamedTuple):
    """n elements in m segments, grouped by segment in ascending order; those of none come last.

    Attributes:
        ids: the segment of each element, m for those of none; int32, shape (n,).
        size: how many elements each segment has; int32, shape (m,).
        start: the place of the first of them; int32, shape (m,).
    """

    ids: jax.Array
    size: jax.Array
    start: jax.Array

    @property
    def number(self) -> int:
        """How many segments there are."""
        return self.size.shape[0]

    def at_places(self) -> jax.Array:
        """Returns the segment of the element at each place, m behind the last of all; int32, shape (n,)."""
        place = jnp.arange(self.ids.shape[0], dtype=jnp.int32)
        return jnp.searchsorted(self.start + self.size, place, side="right").astype(jnp.int32)

    def order(self, chosen: Chosen, x: jax.Array, descending: bool) -> jax.Array:
        """Returns the stable permutation that sorts `x`, of axis 0, by segment and then by value; int32."""
        ids = broadcast_like(_column(self.ids, x.ndim), x, "segment_ids")
        ids = jnp.where(x == x, ids, ids)  # in batches that are divided among devices as those of `x`
        return find_order(chosen, (ids, x), 0, None, (False, descending), self.number + 1)


class SegmentPlaces(NamedTuple):
    """The n places of elements that are grouped by segment, as `segment_sort` returns them.

    Attributes:
        segment_ids: the segment that a place belongs to, `num_segments` behind the last; int32, shape (n,).
        position: its position in the segment, from 0; int32, shape (n,).
        size: how many elements the segment has; int32, shape (n,).

    >>> import diffsort, jax.numpy as jnp
    >>> diffsort.segment_places(jnp.array([1, 0, 1])).segment_ids
    Array([0, 1, 1], dtype=int32)
    """

    segment_ids: jax.Array
    position: jax.Array
    size: jax.Array


@jax.jit
def places_of(groups: Groups) -> SegmentPlaces:
    """Returns what the places of a grouped order are."""
    n, total = groups.ids.shape[0], jnp.sum(groups.size, dtype=jnp.int32)
    start, size = (
        jnp.concatenate([of, rest[None]])
        for of, rest in ((groups.start, total), (groups.size, jnp.int32(n) - total))
    )
    ids = groups.at_places()
    return SegmentPlaces(ids, jnp.arange(n, dtype=jnp.int32) - start[ids], size[ids])


def find_groups(
    n: int,
    segment_ids: ArrayLike,
    num_segments: int | None,
    indices_are_sorted: bool,
    where: jax.Array | None = None,
) -> Groups:
    """Returns how n elements are grouped.

    Args:
        n: how many elements there are.
        segment_ids: integers, shape (n,); what is not in [0, num_segments) is of no segment.
        num_segments: how many segments there are; None for those up to the greatest id.
        indices_are_sorted: whether the ids are known to ascend.
        where: boolean mask of the elements, shape (n,); masked ones are of no segment.

    Raises:
        TypeError: the ids are not integers, `num_segments` no Python integer, or `indices_are_sorted` no
            boolean.
        ValueError: the ids are not of shape (n,), or traced without `num_segments`, which may not be
            negative.
    """
    ids = as_array(segment_ids)
    if not jnp.issubdtype(ids.dtype, jnp.integer):
        raise TypeError(f"segment_ids must be integers, not {ids.dtype}.")
    if ids.shape != (n,):
        raise ValueError(f"segment_ids has shape {ids.shape}; expected ({n},), one for each row of x.")
    if num_segments is None:
        known = concrete(ids)
        if known is None:
            raise ValueError("segment_ids are traced, so how many there are is not known: pass num_segments.")
        num_segments = max(0, int(known.max(initial=-1)) + 1)
    num_segments = integer(num_segments, "num_segments")
    if num_segments < 0:
        raise ValueError(f"num_segments={num_segments} must not be negative.")
    return _group(ids, where, num_segments, flag(indices_are_sorted, "indices_are_sorted"))


@functools.partial(jax.jit, static_argnames=("number", "is_sorted"))
def _group(ids: jax.Array, where: jax.Array | None, number: int, is_sorted: bool) -> Groups:
    info = jnp.iinfo(ids.dtype)
    # Not to become another id in int32.
    low, high = (np.asarray(limit, ids.dtype) for limit in (max(info.min, -1), min(info.max, number)))
    ids = jnp.clip(ids, low, high).astype(jnp.int32)
    if is_sorted and where is None:
        ends = jnp.searchsorted(ids, jnp.arange(number + 1, dtype=jnp.int32)).astype(jnp.int32)
        size = ends[1:] - ends[:-1]
    ids = jnp.where(ids < 0, number, ids)
    if where is not None:
        ids = jnp.where(where, ids, number)
    if not is_sorted or where is not None:
        size = jax.ops.segment_sum(jnp.ones_like(ids), ids, number)
    return Groups(ids, size, jnp.cumsum(size, dtype=jnp.int32) - size)


def prepare(
    x: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None,
    indices_are_sorted: bool,
    implementation: ImplementationLike,
) -> tuple[jax.Array, Groups, Chosen]:
    """Returns what a segment op is given, checked; 0 for what is of no segment."""
    chosen = get_implementation(implementation)
    array = real_array(x)
    if array.ndim == 0:
        raise ValueError("x is a scalar; expected elements along axis 0.")
    groups = find_groups(array.shape[0], segment_ids, num_segments, indices_are_sorted)
    return visible(array, groups), groups, chosen


@jax.jit
def visible(x: jax.Array, groups: Groups) -> jax.Array:
    """Returns `x` with 0 for what is of no segment."""
    return zero_masked(x, broadcast_like(_column(groups.ids < groups.number, x.ndim), x, "segment_ids"))


@functools.partial(jax.jit, static_argnames="descending")
def sort_groups(
    x: jax.Array, groups: Groups, chosen: Chosen, descending: bool
) -> tuple[jax.Array, jax.Array]:
    """Returns the grouped, sorted elements, and the permutation."""
    order = groups.order(chosen, x, descending)
    return (x if is_trivial(x, 0) else move(chosen, x, order, 0)), order


def weigh_places(ordered: jax.Array, weights: jax.Array, groups: Groups) -> jax.Array:
    """Returns the sum over each segment of weights times elements that are grouped already.

    Args:
        ordered: as `sort_groups` returns it.
        weights: of each place, of the rank of `ordered`.
        groups: of the elements.
    """
    ids = _column(groups.at_places(), ordered.ndim)
    # Chosen before the product: that of a NaN would reach the gradient of what is dropped.
    weights = jnp.where(ids < groups.number, weights, jnp.zeros_like(weights))
    dtype = jnp.promote_types(ordered.dtype, weights.dtype)
    weights = broadcast_like(weights.astype(dtype), ordered, "weights")

    def add_up(products: jax.Array, ids: jax.Array) -> jax.Array:
        return jax.ops.segment_sum(products, ids.reshape(-1), groups.number, indices_are_sorted=True)

    return _sharding.on_shards(add_up, 0, ordered.astype(dtype) * weights, ids)


def with_an_element(x: jax.Array, groups: Groups) -> tuple[jax.Array, Groups]:
    """Returns elements, one at least: where there is none, a 0 of no segment."""
    if isinstance(x.shape[0], int) and x.shape[0] == 0:
        return jnp.zeros_like(x, shape=(1, *x.shape[1:])), groups._replace(ids=jnp.full(1, groups.number))
    return x, groups


def first_of(groups: Groups, k: int, rank: int) -> tuple[jax.Array, jax.Array]:
    """Returns the first k places of each segment, int32, and whether there is an element; (m, k, 1, …)."""
    index = jnp.arange(k, dtype=jnp.int32).reshape(1, k, *[1] * (rank - 2))
    is_there = index < _column(groups.size, rank)
    return jnp.broadcast_to(index, is_there.shape), is_there


def in_segments(
    x: jax.Array, order: jax.Array, groups: Groups, index: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Returns the elements at some places of each segment, and where they stood.

    One gather of what is asked for, so its transpose is one scatter of as many.

    Args:
        x: shape (n, …), n > 0.
        order: as `Groups.order` returns it.
        groups: of the elements.
        index: places from 0, int32, of length m along axis 0, and of length 1 or that of `x` along the axes
            from 2 on; places beyond a segment are those of another one.

    Returns:
        (elements, indices) of the shape of `index`, with those axes of `x`.
    """
    place = (index + _column(groups.start, index.ndim)).reshape(-1, *index.shape[2:])
    along = (place.shape[0], *order.shape[1:])
    found = elements_at(order, jnp.broadcast_to(place, along), 0)
    shape = (*index.shape[:2], *x.shape[1:])
    return elements_at(x, found, 0).reshape(shape), found.reshape(shape)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentRanked(Ranked):
    """Elements of segments, as statistics ask for them: the segments along axis 0, their order along axis 1.

    Attributes:
        order: as `Groups.order` returns it.
        groups: of the elements, which `values` has as given, along axis 1, for all segments together.
    """

    order: jax.Array
    groups: Groups

    def at(self, index: jax.Array) -> jax.Array:
        """Returns the elements at some places of each segment, the nearest ones there are."""
        last = jnp.maximum(self.count - 1, 0)
        return in_segments(self.values[0], self.order, self.groups, jnp.clip(index, 0, last))[0]


def rank_segments(chosen: Chosen, x: jax.Array, groups: Groups) -> SegmentRanked:
    """Returns floating elements as statistics take them; NaN is the result where there are none.

    Args:
        chosen: an implementation that has a permutation.
        x: shape (n, …), floating; 0 where it is of no segment.
        groups: of the elements.
    """
    x, groups = with_an_element(x, groups)
    order = groups.order(chosen, x, False)
    dtype = computing_dtype(x.dtype)
    count = _column(groups.size, x.ndim + 1)
    # The last is a NaN where there is any.
    last = in_segments(lax.stop_gradient(x), order, groups, jnp.maximum(count - 1, 0))[0].astype(dtype)
    nan = jnp.where(jnp.isnan(last), last, jnp.zeros_like(last))
    return SegmentRanked(
        values=x.astype(dtype)[None],
        position=jnp.zeros_like(count),
        count=count,
        nan=jnp.where(count == 0, _nan_if(count == 0, dtype), nan),
        axis=1,
        dtype=x.dtype,
        is_masked=False,
        order=order,
        groups=groups,
    )


def _nan_if(condition: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Returns NaN there, else 0, and makes no other NaN on the way, for which jax.debug_nans looks."""
    bits = np.asarray(np.nan, dtype).view(f"uint{8 * dtype.itemsize}")
    return lax.bitcast_convert_type(jnp.where(condition, bits, np.zeros_like(bits)), dtype)


def _column(a: jax.Array, rank: int) -> jax.Array:
    """Returns an array of one axis with others of length 1 behind it."""
    return a.reshape(-1, *[1] * (rank - 1))
