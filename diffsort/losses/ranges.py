"""Means of the per-example losses between two ranks, counted from the largest down."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import floating, fraction, integer
from diffsort.statistics._ranked import Ranked, statistic
from diffsort.statistics.means import cut


def average_top_k(
    losses: ArrayLike,
    k: int,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the average of the k largest losses, $\frac{1}{k} \sum_{i=1}^{k} \ell_{[i]}$.

    $\ell_{[i]}$ is the i-th largest: 1 gives the maximum, n the mean.

    Args:
        losses: one for each example, floating.
        k: how many, at least 1. Where there are fewer, it is the mean of all.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `losses`.
        implementation: as in `diffsort.sort`.

    Returns:
        The average, of the shape of `losses` without `axis`; NaN where a loss is NaN, 0 where all are masked.

    Raises:
        TypeError: `losses` is not floating, `where` not boolean, or `k` no integer.
        ValueError: `k`, `axis`, `where` or `implementation` does not fit.

    Source: Y. Fan, S. Lyu, Y. Ying, B.-G. Hu, Learning with Average Top-k Loss, NeurIPS 2017.

    >>> import jax.numpy as jnp
    >>> average_top_k(jnp.array([1., 4., 3., 2.]), 2)
    Array(3.5, dtype=float32)
    """
    k = integer(k, "k")
    if k < 1:
        raise ValueError(f"k={k} must be at least 1.")
    return statistic(_range, floating(losses, "losses"), axis, where, implementation, k, 0)


def ranked_range(
    losses: ArrayLike,
    k: int,
    m: int,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the average of ranked range (AoRR): of the k largest losses but for the m largest.

    $\frac{1}{k - m} \sum_{i=m+1}^{k} \ell_{[i]}$, where $\ell_{[i]}$ is the i-th largest: the m that may be
    outliers do not count, not even if they are infinite, nor do the small ones.

    Args:
        losses: one for each example, floating.
        k: the last rank that counts.
        m: how many of the largest do not count; 0 ≤ m < k.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `losses`. Of fewer than k losses it is the mean of all but the m
            largest, and 0 of m or fewer.
        implementation: as in `diffsort.sort`.

    Returns:
        The average, of the shape of `losses` without `axis`; NaN where a loss is NaN, 0 where all are masked.

    Raises:
        TypeError: `losses` is not floating, `where` not boolean, or `k` or `m` no integer.
        ValueError: `k`, `m`, `axis`, `where` or `implementation` does not fit.

    Source: S. Hu, Y. Ying, X. Wang, S. Lyu, Learning by Minimizing the Sum of Ranked Range, NeurIPS 2020.

    >>> import jax.numpy as jnp
    >>> ranked_range(jnp.array([1., 90., 3., 2.]), 3, 1)
    Array(2.5, dtype=float32)
    """
    k, m = integer(k, "k"), integer(m, "m")
    if not 0 <= m < k:
        raise ValueError(f"m={m} is not in [0, {k}): it must be at least 0 and less than k.")
    return statistic(_range, floating(losses, "losses"), axis, where, implementation, k, m)


def trimmed(
    losses: ArrayLike,
    proportion: float,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the mean without the largest losses; of squared residuals, least trimmed squares.

    $\frac{1}{n - g} \sum_{i=g+1}^{n} \ell_{[i]}$ with $g = \lfloor p n \rfloor$, where $\ell_{[i]}$ is the
    i-th largest. What is cut may be infinite.

    Args:
        losses: one for each example, floating.
        proportion: p, of the losses to cut; 0 ≤ p < 1.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `losses`; n counts the unmasked losses.
        implementation: as in `diffsort.sort`.

    Returns:
        The mean, of the shape of `losses` without `axis`; NaN where a loss is NaN, 0 where all are masked.

    Raises:
        TypeError: `losses` is not floating, `where` not boolean, or `proportion` no Python number.
        ValueError: `proportion`, `axis`, `where` or `implementation` does not fit.

    Source: P. J. Rousseeuw, Least Median of Squares Regression, 1984.

    >>> import jax.numpy as jnp
    >>> trimmed(jnp.array([1., jnp.inf, 3., 2.]), 0.25)
    Array(2., dtype=float32)
    """
    proportion = fraction(proportion, "proportion", 0, 1)
    return statistic(_trimmed, floating(losses, "losses"), axis, where, implementation, proportion)


def _range(elements: Ranked, k: int, m: int) -> jax.Array:
    def weights(position: jax.Array, n: jax.Array) -> jax.Array:
        stop, start = n - m, jnp.maximum(n - k, 0)
        return _is_between(position, start, stop) / jnp.maximum(stop - start, 1)

    return elements.weighed(weights)


def _trimmed(elements: Ranked, proportion: float) -> jax.Array:
    g = cut(elements, proportion)

    def weights(position: jax.Array, n: jax.Array) -> jax.Array:
        stop = n - g
        return _is_between(position, jnp.zeros_like(stop), stop) / jnp.maximum(stop, 1)

    return elements.weighed(weights)


def _is_between(position: jax.Array, start: jax.Array, stop: jax.Array) -> jax.Array:
    """1 from start up to stop, 0 elsewhere."""
    return ((start <= position) & (position < stop)).astype(position.dtype)
