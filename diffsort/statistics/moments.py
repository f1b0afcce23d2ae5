"""Moments of ordered elements: scale and shape without squares."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import integer
from diffsort._ranked import Ranked, statistic
from diffsort.implementations import ImplementationLike

__all__ = ["gini_mean_difference", "l_moments"]


def l_moments(
    x: ArrayLike,
    order: int = 4,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the first sample L-moments: location, scale, and unscaled skewness and kurtosis.

    $\lambda_{r+1} = \sum_{j=0}^{r} (-1)^{r-j} \binom{r}{j} \binom{r+j}{j} b_j$, where
    $b_j = \frac{1}{n} \sum_k \binom{k}{j} / \binom{n-1}{j} \; x_{(k)}$ is the unbiased probability-weighted
    moment.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        order: how many moments, at least 1.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        λ₁ … λ_order along a new last axis, behind those of `x` without `axis`. NaN where an element is NaN.
        A moment of more elements than there are is 0.

    Raises:
        TypeError: `order` is not an integer.
        ValueError: `order` is less than 1 or more than n.

    Source: J. R. M. Hosking, L-moments: analysis and estimation of distributions using linear combinations
    of order statistics, 1990.

    >>> import jax.numpy as jnp
    >>> [round(float(m), 3) for m in l_moments(jnp.array([7., 1., 4.]), 2)]
    [4.0, 2.0]
    """
    order = integer(order, "order")
    return statistic(_moments, x, axis, where, implementation, order, keepdims=keepdims)


def gini_mean_difference(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns Gini's mean difference: the mean of $|x_i - x_j|$ over all pairs of different elements.

    $\frac{2}{n (n-1)} \sum_k (2k - n + 1)\, x_{(k)}$, twice the second L-moment: O(n log n), not O(n²).

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The mean difference, of the shape of `x` without `axis`; NaN where an element is NaN, and
        of an axis of length 0; 0 of fewer than two elements.

    Source: H. A. David, Gini's mean difference rediscovered, 1968.

    >>> import jax.numpy as jnp
    >>> gini_mean_difference(jnp.array([4., 1., 2.]))
    Array(2., dtype=float32)
    """
    return statistic(_mean_difference, x, axis, where, implementation, keepdims=keepdims)


def _moments(elements: Ranked, order: int) -> jax.Array:
    if isinstance(elements.length, int) and not 1 <= order <= elements.length:
        raise ValueError(
            f"order={order} is not between 1 and {elements.length}, the length of axis {elements.axis}."
        )
    centre, around = _centre(elements)
    moments = [around.weigh(_weights(around, r), None if r else centre) for r in range(order)]
    return jnp.stack(moments, -1)


def _mean_difference(elements: Ranked) -> jax.Array:
    _, around = _centre(elements)
    k, n = elements.position, elements.count
    pairs = elements.in_float(jnp.maximum(n, 1)) * elements.in_float(jnp.maximum(n - 1, 1))
    return around.weigh(2 * elements.in_float(k - (n - 1 - k)) / pairs)


def _centre(elements: Ranked) -> tuple[jax.Array, Ranked]:
    """Returns an element in the middle, and all less it: far from 0, differences would lose their digits."""
    middle = lax.stop_gradient(elements.at(elements.count // 2))
    middle = jnp.where(jnp.isfinite(middle), middle, jnp.zeros_like(middle))
    return middle, dataclasses.replace(elements, values=elements.values - middle)


def _weights(elements: Ranked, r: int) -> jax.Array:
    """The weight of x_(k) in λ_{r+1}; each b_j follows from the one before."""
    k, n = elements.position, elements.count
    ratio = jnp.ones_like(elements.in_float(k)) / elements.in_float(jnp.maximum(n, 1))
    total, coefficient = jnp.zeros_like(ratio), (-1) ** r
    for j in range(r + 1):
        total += coefficient * ratio
        ratio *= elements.in_float(k - j) / elements.in_float(jnp.maximum(n - 1 - j, 1))
        coefficient = -coefficient * (r - j) * (r + j + 1) // (j + 1) ** 2
    return jnp.where(n > r, total, jnp.zeros_like(total))
