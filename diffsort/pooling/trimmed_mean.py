"""The trimmed mean of each feature over a set."""

import jax
from jax.typing import ArrayLike

from diffsort.implementations import ImplementationLike
from diffsort.pooling._sets import as_points, point_mask, with_a_point
from diffsort.statistics import trimmed_mean


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
        TypeError: `x` is not floating, `where` not boolean, or `proportion` no Python number.
        ValueError: `proportion` or the shapes do not fit, or `implementation` is unknown.

    >>> import jax.numpy as jnp
    >>> trimmed_mean_pool(jnp.array([[1., 5.], [9., -7.], [2., 6.]]), 0.4)
    Array([2., 5.], dtype=float32)
    """
    points = as_points(x)
    points, mask = with_a_point(points, point_mask(where, points))
    return trimmed_mean(points, proportion, -2, where=mask, implementation=implementation)
