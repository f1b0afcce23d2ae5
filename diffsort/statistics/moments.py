"""Moments of ordered elements: scale and shape without squares."""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import integer
from diffsort.statistics._ranked import Ranked, statistic


def l_moments(
    x: ArrayLike,
    order: int = 4,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the first sample L-moments: location, scale, and unscaled skewness and kurtosis.

    $\lambda_{r+1} = \sum_{j=0}^{r} (-1)^{r-j} \binom{r}{j} \binom{r+j}{j} b_j$, where
    $b_j = \frac{1}{n} \sum_k \binom{k}{j} / \binom{n-1}{j} \; x_{(k)}$ is the unbiased probability-weighted
    moment.

    Args:
        x: array of a floating dtype.
        order: how many moments, at least 1.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        λ₁ … λ_order along a new last axis, behind those of `x` without `axis`. NaN where an element is NaN.
        A moment of more elements than there are is 0.

    Raises:
        TypeError: `x` is not floating, `where` not boolean, or `order` no integer.
        ValueError: `order` is less than 1 or more than n; `axis`, `where` or `implementation` does not fit.

    Source: J. R. M. Hosking, L-moments: analysis and estimation of distributions using linear combinations
    of order statistics, 1990.

    >>> import jax.numpy as jnp
    >>> [round(float(m), 3) for m in l_moments(jnp.array([7., 1., 4.]), 2)]
    [4.0, 2.0]
    """
    order = integer(order, "order")
    return statistic(_moments, x, axis, where, implementation, order)


def gini_mean_difference(
    x: ArrayLike,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns Gini's mean difference: the mean of $|x_i - x_j|$ over all pairs of different elements.

    $\frac{2}{n (n-1)} \sum_k (2k - n + 1)\, x_{(k)}$, twice the second L-moment: O(n log n), not O(n²).

    Args:
        x: array of a floating dtype.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The mean difference, of the shape of `x` without `axis`; NaN where an element is NaN, 0 of fewer than
        two elements.

    Raises:
        TypeError: `x` is not floating, or `where` not boolean.
        ValueError: `axis`, `where` or `implementation` does not fit.

    Source: H. A. David, Gini's mean difference rediscovered, 1968.

    >>> import jax.numpy as jnp
    >>> gini_mean_difference(jnp.array([4., 1., 2.]))
    Array(2., dtype=float32)
    """
    return statistic(_mean_difference, x, axis, where, implementation)


def _moments(elements: Ranked, order: int) -> jax.Array:
    if not 1 <= order <= elements.length:
        raise ValueError(
            f"order={order} is not between 1 and {elements.length}, the length of axis {elements.axis}."
        )
    moments = [elements.weighed(functools.partial(_weights, r)) for r in range(order)]
    return jnp.stack(moments, -1)


def _mean_difference(elements: Ranked) -> jax.Array:
    return elements.weighed(lambda k, n: 2 * (2 * k - n + 1) / jnp.maximum(n * (n - 1), 1))


def _weights(r: int, k: jax.Array, n: jax.Array) -> jax.Array:
    """The weight of x_(k) in λ_{r+1}; each b_j follows from the one before."""
    ratio = jnp.ones_like(k) / jnp.maximum(n, 1)
    total, coefficient = jnp.zeros_like(ratio), (-1) ** r
    for j in range(r + 1):
        total += coefficient * ratio
        ratio *= (k - j) / jnp.maximum(n - 1 - j, 1)
        coefficient = -coefficient * (r - j) * (r + j + 1) // (j + 1) ** 2
    return jnp.where(n > r, total, jnp.zeros_like(total))
