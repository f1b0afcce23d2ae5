"""Sorted pooling as pure functions: what the layers of both Flax APIs compute."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import mask_like, real_array
from diffsort.sorting import sort_key_val
from diffsort.statistics import l_statistic


def featurewise_sort_pool(
    x: ArrayLike,
    knots: ArrayLike,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
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
        implementation: as in `diffsort.sort`.

    Returns:
        Pooled features, shape (..., c). Invariant to the order of the elements; 0 for an empty set.

    Raises:
        TypeError: `x` or `knots` is not floating, or `where` not boolean.
        ValueError: the shapes do not fit, or `implementation` is unknown.

    Source: Y. Zhang, J. Hare, A. Prügel-Bennett, FSPool: Learning Set Representations with Featurewise
    Sort Pooling, ICLR 2020, section 3.

    >>> import jax.numpy as jnp
    >>> x = jnp.array([[1., 5.], [3., 4.], [2., 6.]])
    >>> greatest, smallest = jnp.array([[1., 0., 0.]] * 2), jnp.array([[0., 0., 1.]] * 2)
    >>> featurewise_sort_pool(x, greatest)
    Array([3., 6.], dtype=float32)
    >>> featurewise_sort_pool(x, smallest)
    Array([1., 4.], dtype=float32)
    """
    x, knots = _points(x), real_array(knots, "knots")
    if knots.ndim != 2 or knots.shape[0] != x.shape[-1] or knots.shape[1] < 2:
        raise ValueError(
            f"knots of shape {knots.shape} do not fit x of shape {x.shape}: "
            f"expected ({x.shape[-1]}, pieces + 1) with at least one piece."
        )
    if where is None:
        return _weighted(x, knots, jnp.int32(x.shape[-2]), None, implementation)
    mask = mask_like(where, x[..., 0])
    count = jnp.sum(mask, -1, dtype=jnp.int32)
    return _weighted(x, knots, count, mask[..., None], implementation)


def sort_pool(
    x: ArrayLike,
    k: int,
    *,
    where: ArrayLike | None = None,
    sort_channels: int = 1,
    implementation: str = "manual",
) -> jax.Array:
    """Sort pooling (SortPooling of DGCNN): the first k points, by their last channel from the greatest.

    Args:
        x: sets of points, shape (..., n, c), real.
        k: how many points to keep. Where a set has fewer, rows of 0 follow.
        where: boolean mask of the points, broadcastable to (..., n). What masked points hold reaches no
            value and no gradient.
        sort_channels: how many channels to compare: the last one, at ties the one before it, and so on.
            Points that tie in all of them stay in input order. The result is invariant to the order of
            the points if equal points are equal throughout or `sort_channels` is c.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Points in order, shape (..., k, c), in the dtype of `x`.

    Raises:
        TypeError: `x` is not real, or `where` not boolean.
        ValueError: `k` is not positive, `sort_channels` is not between 1 and c, or the shapes do not fit.

    Source: M. Zhang, Z. Cui, M. Neumann, Y. Chen, An End-to-End Deep Learning Architecture for Graph
    Classification, AAAI 2018, section 3.2.

    >>> import jax.numpy as jnp
    >>> x = jnp.array([[10., 1.], [20., 3.], [30., 2.]])
    >>> sort_pool(x, 2)
    Array([[20.,  3.],
           [30.,  2.]], dtype=float32)
    """
    points = _points(x, floating=False)
    channels, n = points.shape[-1], points.shape[-2]
    if k < 1:
        raise ValueError(f"k={k} must be at least 1.")
    if not 1 <= sort_channels <= channels:
        raise ValueError(f"sort_channels={sort_channels} is not between 1 and {channels}, the channels of x.")
    mask = None if where is None else mask_like(where, points[..., 0])[..., None]
    # Sorts are stable, so sorting by the least important channel first breaks ties by it.
    for channel in range(channels - sort_channels, channels):
        key = lax.slice_in_dim(points, channel, channel + 1, axis=-1)
        _, (points, mask) = sort_key_val(
            key, (points, mask), -2, descending=True, where=mask, implementation=implementation
        )
    kept = lax.slice_in_dim(points, 0, min(k, n), axis=-2)
    missing = [(0, max(0, k - n)) if d == points.ndim - 2 else (0, 0) for d in range(points.ndim)]
    return jnp.pad(kept, missing)


def _weighted(
    x: jax.Array, knots: jax.Array, count: jax.Array, mask: jax.Array | None, implementation: str
) -> jax.Array:
    weights = jnp.matmul(
        _hat_basis(x.shape[-2], count, knots.shape[1] - 1).astype(knots.dtype),
        knots.T,
        precision=lax.Precision.HIGHEST,
    )
    if mask is None:
        weights = weights.reshape((1,) * (x.ndim - 2) + weights.shape)
    return l_statistic(x, weights, -2, where=mask, implementation=implementation)


def _hat_basis(n: int, count: jax.Array, pieces: int) -> jax.Array:
    """Returns what each knot contributes at each ascending position, shape (*count.shape, n, pieces + 1).

    Position k of `count` elements lies at 1 − k/(count − 1): ranks descend, as in the paper, without the
    cost of a descending sort. A single element takes the first knot.
    """
    last = jnp.maximum(count - 1, 1).astype(jnp.float32)[..., None]
    top = jnp.maximum(count - 1, 0).astype(jnp.float32)[..., None]
    position = jnp.arange(n, dtype=jnp.float32).reshape((1,) * count.ndim + (n,))
    at = (jnp.clip((top - position) / last, 0, 1) * pieces)[..., None]
    knot = jnp.arange(pieces + 1, dtype=jnp.float32).reshape((1,) * (count.ndim + 1) + (pieces + 1,))
    return jnp.maximum(0, 1 - jnp.abs(at - knot))


def _points(x: ArrayLike, floating: bool = True) -> jax.Array:
    array = real_array(x)
    if floating and not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"x must be floating, not {array.dtype}; use x.astype(float).")
    if array.ndim < 2:
        raise ValueError(f"x must be sets of points, of shape (..., n, channels), not {array.shape}.")
    return array
