"""Order statistics of each feature of a set."""

import functools
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import as_levels
from diffsort._groups import Groups
from diffsort.implementations import Chosen, ImplementationLike, get_implementation
from diffsort.pooling._sets import as_points, point_mask, ragged, with_a_point
from diffsort.segments import segment_quantile
from diffsort.statistics import quantile, trimmed_mean

__all__ = ["quantile_pool", "trimmed_mean_pool"]


def quantile_pool(
    x: ArrayLike,
    levels: Iterable[float],
    *,
    where: ArrayLike | None = None,
    segment_ids: ArrayLike | None = None,
    num_segments: int | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Pools a set to quantiles of each feature, between elements linearly, as `diffsort.quantile`.

    Args:
        x: sets of points, shape (..., n, c), floating.
        levels: Q probabilities in [0, 1]: 0 for the minimum, 1/2 for the median, 1 for the maximum.
        where: boolean mask of the points, broadcastable to (..., n). What masked points hold reaches no
            value and no gradient.
        segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes stand
            in one `x` of shape (n, c), without padding, as for `jax.ops.segment_sum`; (...) is then
            (num_segments,). A point whose id is outside [0, num_segments) counts as masked.
        num_segments: how many sets there are then; needed inside jit.
        implementation: as in `diffsort.sort`; for segments it must have a permutation.

    Returns:
        Shape (..., c·Q), feature by feature: entry `feature * Q + level`. Invariant to the order of the
        points; 0 for an empty set, NaN where a feature has a NaN.

    Raises:
        TypeError: `levels` is not a sequence of Python numbers.
        ValueError: `levels` is empty, or one of them is outside [0, 1].

    >>> import jax.numpy as jnp
    >>> quantile_pool(jnp.array([[1., 5.], [3., 4.], [2., 6.]]), (0, 0.5))
    Array([1., 2., 4., 5.], dtype=float32)
    """
    points = as_points(x)
    chosen = get_implementation(implementation)
    sets = ragged(points, where, segment_ids, num_segments)
    if sets is not None:
        return _pool_segments(*sets, as_levels(levels), chosen)
    points, mask = with_a_point(points, point_mask(where, points))
    return _pool_quantiles(points, mask, as_levels(levels), chosen)


@functools.partial(jax.jit, static_argnames="levels")
def _pool_quantiles(
    x: jax.Array, mask: jax.Array | None, levels: tuple[float, ...], implementation: Chosen
) -> jax.Array:
    found = quantile(x, jnp.array(levels), -2, where=mask, implementation=implementation)
    return jnp.moveaxis(found, 0, -1).reshape(*x.shape[:-2], x.shape[-1] * len(levels))


@functools.partial(jax.jit, static_argnames="levels")
def _pool_segments(
    x: jax.Array, groups: Groups, levels: tuple[float, ...], implementation: Chosen
) -> jax.Array:
    found = segment_quantile(x, jnp.array(levels), groups.ids, groups.number, implementation=implementation)
    found = jnp.moveaxis(found, 0, -1).reshape(groups.number, x.shape[-1] * len(levels))
    return jnp.where(groups.size[:, None] > 0, found, jnp.zeros_like(found))


def trimmed_mean_pool(
    x: ArrayLike,
    proportion: float,
    *,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Pools a set to the mean of each feature without its extremes, as `diffsort.trimmed_mean`.

    Args:
        x: sets of points, shape (..., n, c), floating.
        proportion: of the points to cut at each end, a feature at a time; 0 ≤ proportion < 1/2.
        where: boolean mask of the points, broadcastable to (..., n). What masked points hold reaches no
            value and no gradient.
        implementation: as in `diffsort.sort`.

    Returns:
        Shape (..., c). Invariant to the order of the points; 0 for an empty set, NaN where a feature has a
        NaN.

    Raises:
        TypeError: `proportion` is not a Python number.
        ValueError: `proportion` is outside [0, 1/2).

    >>> import jax.numpy as jnp
    >>> trimmed_mean_pool(jnp.array([[1., 5.], [9., -7.], [2., 6.]]), 0.4)
    Array([2., 5.], dtype=float32)
    """
    points = as_points(x)
    points, mask = with_a_point(points, point_mask(where, points))
    return trimmed_mean(points, proportion, -2, where=mask, implementation=implementation)
