"""Featurewise sort pooling: FSPool, and FSUnpool, its inverse."""

import functools
from typing import Literal, overload

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import Reduction, as_array, flag, floating, known_reduction, mask_like
from diffsort._groups import Groups, places_of, sort_groups, weigh_places
from diffsort._precision import at_least_float32
from diffsort._ranked import weighted_sum
from diffsort._sorting import positions
from diffsort.implementations import Chosen, ImplementationLike, get_implementation
from diffsort.permutations import inverse_permutation, permute
from diffsort.pooling._sets import as_points, count_of, point_mask, ragged
from diffsort.sorting import sort, sort_with_indices

__all__ = ["featurewise_sort_pool", "featurewise_sort_unpool"]


@overload
def featurewise_sort_pool(
    x: ArrayLike,
    knots: ArrayLike,
    *,
    where: ArrayLike | None = None,
    segment_ids: ArrayLike | None = None,
    num_segments: int | None = None,
    reduction: Reduction = "sum",
    return_indices: Literal[False] = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array: ...


@overload
def featurewise_sort_pool(
    x: ArrayLike,
    knots: ArrayLike,
    *,
    where: ArrayLike | None = None,
    segment_ids: ArrayLike | None = None,
    num_segments: int | None = None,
    reduction: Reduction = "sum",
    return_indices: bool,
    implementation: ImplementationLike = "manual",
) -> jax.Array | tuple[jax.Array, jax.Array]: ...


def featurewise_sort_pool(
    x: ArrayLike,
    knots: ArrayLike,
    *,
    where: ArrayLike | None = None,
    segment_ids: ArrayLike | None = None,
    num_segments: int | None = None,
    reduction: Reduction = "sum",
    return_indices: bool = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array | tuple[jax.Array, jax.Array]:
    r"""Featurewise sort pooling (FSPool): sorts each feature over the set and sums it with weights.

    $y_c = \sum_k f_c\!\left(\frac{k}{n-1}\right) x_{(k), c}$, where $x_{(0), c}$ is the greatest of the n
    values of feature c and $f_c$ is piecewise linear between equally spaced knots. The weights are a
    function of the relative rank, so the same knots fit sets of every size; n counts unmasked elements.

    Args:
        x: sets of points, shape (..., n, c), floating.
        knots: values of $f_c$ at $0, 1/p, \dots, 1$, shape (c, p + 1): the first weighs the greatest
            element, the last the smallest.
        where: boolean mask of the elements, broadcastable to (..., n). What masked elements hold reaches
            no value and no gradient.
        segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes stand
            in one `x` of shape (n, c), without padding, as for `jax.ops.segment_sum`; (...) is then
            (num_segments,). A point whose id is outside [0, num_segments) counts as masked.
        num_segments: how many sets there are then; needed inside jit.
        reduction: "sum", as in the paper, or "mean", which divides it by n and so keeps one scale for sets
            of every size.
        return_indices: return the permutation too, for `featurewise_sort_unpool`; found in the same pass.
        implementation: as in `diffsort.sort`; for indices it must have a permutation.

    Returns:
        Pooled features, shape (..., c). Invariant to the order of the elements; 0 for an empty set. With
        `return_indices`, a pair of them and of int32 indices of shape (..., n, c): entry k says where the
        k-th greatest stood, ties from the last to the first, masked elements at the end.

    Raises:
        TypeError: `knots` is not floating, or `return_indices` not a boolean.
        ValueError: `knots` is not (c, p + 1) with p ≥ 1, `reduction` neither "sum" nor "mean", or
            `return_indices` asks an `implementation` that has no permutation, or is asked of segments.

    Source: Y. Zhang, J. Hare, A. Prügel-Bennett, FSPool: Learning Set Representations with Featurewise
    Sort Pooling, ICLR 2020, section 3.

    >>> import jax.numpy as jnp
    >>> x = jnp.array([[1., 5.], [3., 4.], [2., 6.]])
    >>> greatest, smallest = jnp.array([[1., 0., 0.]] * 2), jnp.array([[0., 0., 1.]] * 2)
    >>> featurewise_sort_pool(x, greatest)
    Array([3., 6.], dtype=float32)
    >>> featurewise_sort_pool(x, smallest)
    Array([1., 4.], dtype=float32)
    >>> featurewise_sort_pool(x, jnp.ones((2, 2)), reduction="mean")
    Array([2., 5.], dtype=float32)
    >>> featurewise_sort_pool(x, greatest, return_indices=True)[1]
    Array([[1, 2],
           [2, 0],
           [0, 1]], dtype=int32)
    """
    points = as_points(x)
    knots = _as_knots(knots, points)
    chosen = get_implementation(implementation)
    return_indices = flag(return_indices, "return_indices")
    sets = ragged(points, where, segment_ids, num_segments)
    if sets is not None:
        if return_indices:
            raise ValueError("return_indices=True is for sets of one size: segments have no padded indices.")
        return _pool_segments(*sets, knots, known_reduction(reduction), chosen)
    mask = point_mask(where, points)
    pooled, indices = _pool(points, knots, mask, known_reduction(reduction), return_indices, chosen)
    return pooled if indices is None else (pooled, indices)


@functools.partial(jax.jit, static_argnames=("reduction", "return_indices"))
def _pool(
    x: jax.Array,
    knots: jax.Array,
    mask: jax.Array | None,
    reduction: Reduction,
    return_indices: bool,
    implementation: Chosen,
) -> tuple[jax.Array, jax.Array | None]:
    count = count_of(x, mask)
    indices = None
    # Ascending, with the knots mirrored: a descending sort would cost one more reversal.
    if return_indices:
        ordered, indices = sort_with_indices(x, -2, where=mask, implementation=implementation)
        indices = _greatest_first(indices, count)
    else:
        ordered = sort(x, -2, where=mask, implementation=implementation)
    weights = _weights_by_rank(knots, x.shape[-2], count, descending=False)
    weights = weights.reshape((1,) * (x.ndim - weights.ndim) + weights.shape)
    where = None if mask is None else mask_like(mask, x)
    pooled = weighted_sum(ordered, weights, x.ndim - 2, where)
    return _reduced(pooled, count, reduction), indices


@functools.partial(jax.jit, static_argnames="reduction")
def _pool_segments(
    x: jax.Array, groups: Groups, knots: jax.Array, reduction: Reduction, implementation: Chosen
) -> jax.Array:
    ordered, _ = sort_groups(x, groups, implementation, False)
    places = places_of(groups)
    last = jnp.maximum(places.size - 1, 0)
    weights = _weights_at(knots, last - places.position, last)
    return _reduced(weigh_places(ordered, weights, groups), groups.size, reduction)


def _reduced(pooled: jax.Array, count: jax.Array, reduction: Reduction) -> jax.Array:
    """Returns sums over sets of `count` points, or what `reduction` makes of them."""
    if reduction == "sum":
        return pooled
    wide = at_least_float32(pooled)
    size = jnp.maximum(count, 1).astype(wide.dtype)[..., None]
    return (wide / size.reshape((1,) * (wide.ndim - size.ndim) + size.shape)).astype(pooled.dtype)


def _greatest_first(indices: jax.Array, count: jax.Array) -> jax.Array:
    """Reverses the first `count` indices along axis −2; those of masked elements stay at the end."""
    if count.ndim == 0:
        return jnp.flip(indices, -2)
    position = positions(indices.shape[-2], count.ndim + 1, -1)
    count = count[..., None]
    place = jnp.where(position < count, count - 1 - position, position)
    return permute(indices, place[..., None], -2)


def featurewise_sort_unpool(
    x: ArrayLike, knots: ArrayLike, indices: ArrayLike, *, where: ArrayLike | None = None
) -> jax.Array:
    r"""Featurewise sort unpooling (FSUnpool): makes a set of n points of one vector of features.

    Feature c of the point that once was the k-th greatest becomes $f_c\!\left(\frac{k}{n-1}\right) x_c$,
    with $f_c$ as in `featurewise_sort_pool`: weights where that sums, and the inverse of its sorting.

    Args:
        x: features, shape (..., c), floating.
        knots: values of $f_c$ at $0, 1/p, \dots, 1$, shape (c, p + 1): the first goes to the greatest
            element, the last to the smallest.
        indices: permutations, shape (..., n, c): entry k says where the k-th greatest stood. Those that
            `featurewise_sort_pool` returns.
        where: boolean mask of the points, broadcastable to (..., n); the one that they were pooled with.
            n counts unmasked points.

    Returns:
        Points, shape (..., n, c); 0 where they are masked. Equivariant: what reorders the points that
        `indices` are of, reorders the result.

    Raises:
        TypeError: `knots` is not floating, or `indices` are not integers.
        ValueError: `knots` is not (c, p + 1) with p ≥ 1, or `indices` not (..., n, c).

    Source: Y. Zhang, J. Hare, A. Prügel-Bennett, FSPool: Learning Set Representations with Featurewise
    Sort Pooling, ICLR 2020, section 4.

    >>> import jax.numpy as jnp
    >>> knots = jnp.array([[1., 0.]])
    >>> featurewise_sort_unpool(jnp.array([8.]), knots, jnp.array([[1], [2], [0]]))
    Array([[0.],
           [8.],
           [4.]], dtype=float32)
    """
    x, indices = floating(x, "x"), as_array(indices)
    if x.ndim < 1 or indices.ndim != x.ndim + 1 or (*indices.shape[:-2], indices.shape[-1]) != x.shape:
        raise ValueError(
            f"indices of shape {indices.shape} do not fit x of shape {x.shape}: "
            "expected the shape of x with the number of points before its last axis."
        )
    knots = _as_knots(knots, x)
    mask = None if where is None else mask_like(where, indices[..., 0])
    return _unpool(x, knots, indices, mask)


@jax.jit
def _unpool(x: jax.Array, knots: jax.Array, indices: jax.Array, mask: jax.Array | None) -> jax.Array:
    n = indices.shape[-2]
    count = jnp.int32(n) if mask is None else jnp.sum(mask, -1, dtype=jnp.int32)
    weights = _weights_by_rank(knots, n, count, descending=True)
    dtype = jnp.promote_types(x.dtype, weights.dtype)
    weights = weights.astype(dtype).reshape((1,) * (indices.ndim - weights.ndim) + weights.shape)
    values = jnp.broadcast_to(x.astype(dtype)[..., None, :], indices.shape)
    if mask is not None:
        position = positions(n, mask.ndim, -1)
        is_there = (position < count[..., None])[..., None]
        # Both, and before the product: an empty set may have been pooled to anything.
        weights = jnp.where(is_there, weights, jnp.zeros_like(weights))
        values = jnp.where(is_there, values, jnp.zeros_like(values))
    return permute(values * weights, inverse_permutation(indices, -2), -2)


def _as_knots(knots: ArrayLike, x: jax.Array) -> jax.Array:
    """Returns `knots` as an array that fits the channels of `x`.

    Raises:
        TypeError: they are not floating.
        ValueError: their shape is not (channels, pieces + 1).
    """
    array = floating(knots, "knots")
    if array.ndim != 2 or array.shape[0] != x.shape[-1] or array.shape[1] < 2:
        raise ValueError(
            f"knots of shape {array.shape} do not fit x of shape {x.shape}: "
            f"expected ({x.shape[-1]}, pieces + 1) with at least one piece."
        )
    return array


def _weights_by_rank(knots: jax.Array, n: int, count: jax.Array, *, descending: bool) -> jax.Array:
    """Returns what each of n sorted places weighs, shape (*count.shape, n, channels).

    Of `count` elements the greatest takes the first knot, the smallest the last; a single one the first.

    Args:
        knots: shape (channels, pieces + 1).
        n: places, of which only the first `count` mean anything.
        count: how many elements there are, int32, any shape.
        descending: whether the first place is that of the greatest.
    """
    last = jnp.maximum(count - 1, 0)[..., None]
    position = positions(n, count.ndim + 1, -1)
    return _weights_at(knots, position if descending else last - position, last)


def _weights_at(knots: jax.Array, rank: jax.Array, last: jax.Array) -> jax.Array:
    """Returns what a rank weighs, 0 for the greatest and `last` for the smallest: (*shape, channels)."""
    dtype = at_least_float32(knots).dtype
    place = rank.astype(dtype) / jnp.maximum(last, 1).astype(dtype)
    basis = _hat_basis(jnp.clip(place, 0, 1), knots.shape[1] - 1)
    return jnp.matmul(basis.astype(knots.dtype), knots.T, precision=lax.Precision.HIGHEST)


def _hat_basis(place: jax.Array, pieces: int) -> jax.Array:
    """Returns what each knot contributes at places in [0, 1], shape (*place.shape, pieces + 1)."""
    knot = jnp.arange(pieces + 1, dtype=place.dtype).reshape((1,) * place.ndim + (pieces + 1,))
    return jnp.maximum(0, 1 - jnp.abs((place * pieces)[..., None] - knot))
