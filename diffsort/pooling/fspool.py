"""FSPool: featurewise sort pooling."""

import functools
from typing import Literal, overload

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import flag, mask_like
from diffsort._layers import Reduction, known_reduction
from diffsort._precision import at_least_float32
from diffsort.implementations import Implementation, ImplementationLike, get_implementation
from diffsort.permutations import permute
from diffsort.pooling._relative_rank import as_knots, weights_by_rank
from diffsort.pooling._sets import as_points, count_of, point_mask
from diffsort.sorting import sort, sort_with_indices
from diffsort.statistics.l_statistic import weigh_sorted


@overload
def featurewise_sort_pool(
    x: ArrayLike,
    knots: ArrayLike,
    *,
    where: ArrayLike | None = None,
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
    reduction: Reduction = "sum",
    return_indices: bool,
    implementation: ImplementationLike = "manual",
) -> jax.Array | tuple[jax.Array, jax.Array]: ...


def featurewise_sort_pool(
    x: ArrayLike,
    knots: ArrayLike,
    *,
    where: ArrayLike | None = None,
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
        reduction: "sum", as in the paper, or "mean", which divides it by n and so keeps one scale for sets
            of every size.
        return_indices: return the permutation too, for `featurewise_sort_unpool`; found in the same pass.
        implementation: as in `diffsort.sort`; for indices it must have a permutation.

    Returns:
        Pooled features, shape (..., c). Invariant to the order of the elements; 0 for an empty set. With
        `return_indices`, a pair of them and of int32 indices of shape (..., n, c): entry k says where the
        k-th greatest stood, ties from the last to the first, masked elements at the end.

    Raises:
        TypeError: `x` or `knots` is not floating, or `where` or `return_indices` not boolean.
        ValueError: the shapes do not fit, `reduction` is neither, or `implementation` is unknown or lacks a
            permutation.

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
    knots = as_knots(knots, points)
    chosen = get_implementation(implementation)
    return_indices = flag(return_indices, "return_indices")
    mask = point_mask(where, points)
    pooled, indices = _pooled(points, knots, mask, known_reduction(reduction), return_indices, chosen)
    return pooled if indices is None else (pooled, indices)


@functools.partial(jax.jit, static_argnames=("reduction", "return_indices", "implementation"))
def _pooled(
    x: jax.Array,
    knots: jax.Array,
    mask: jax.Array | None,
    reduction: Reduction,
    return_indices: bool,
    implementation: Implementation,
) -> tuple[jax.Array, jax.Array | None]:
    count = count_of(x, mask)
    indices = None
    # Ascending, with the knots mirrored: a descending sort would cost one more reversal.
    if return_indices:
        ordered, indices = sort_with_indices(x, -2, where=mask, implementation=implementation)
        indices = _greatest_first(indices, count)
    else:
        ordered = sort(x, -2, where=mask, implementation=implementation)
    weights = weights_by_rank(knots, x.shape[-2], count, descending=False)
    weights = weights.reshape((1,) * (x.ndim - weights.ndim) + weights.shape)
    where = None if mask is None else mask_like(mask, x)
    pooled = weigh_sorted(ordered, weights, x.ndim - 2, where)
    if reduction == "mean":
        wide = at_least_float32(pooled)
        size = jnp.maximum(count, 1).astype(wide.dtype)[..., None]
        pooled = (wide / size.reshape((1,) * (wide.ndim - size.ndim) + size.shape)).astype(pooled.dtype)
    return pooled, indices


def _greatest_first(indices: jax.Array, count: jax.Array) -> jax.Array:
    """Reverses the first `count` indices along axis −2; those of masked elements stay at the end."""
    if count.ndim == 0:
        return jnp.flip(indices, -2)
    position = jnp.arange(indices.shape[-2], dtype=jnp.int32)
    position = position.reshape((1,) * count.ndim + (indices.shape[-2],))
    count = count[..., None]
    place = jnp.where(position < count, count - 1 - position, position)
    return permute(indices, place[..., None], -2)
