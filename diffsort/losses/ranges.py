"""Means of the per-example losses between two ranks, counted from the largest down."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import fraction, integer
from diffsort.implementations import ImplementationLike
from diffsort.statistics._ranked import Ranked, statistic
from diffsort.statistics.means import cut

_MOST = 2**31 - 1  # elements there can be


def average_top_k(
    losses: ArrayLike,
    k: int,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the average of the k largest losses, $\frac{1}{k} \sum_{i=1}^{k} \ell_{[i]}$.

    $\ell_{[i]}$ is the i-th largest: 1 gives the maximum, n the mean.

    Args:
        losses: one for each example, real; integers are taken as floats, as by jax.numpy.mean.
        k: how many, at least 1. Where there are fewer, it is the mean of all.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `losses`.
        implementation: as in `diffsort.sort`.

    Returns:
        The average, of the shape of `losses` without `axis`; NaN where a loss is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `losses` is not real, `where` not boolean, or `k` no integer.
        ValueError: `k`, `axis`, `where` or `implementation` does not fit.

    Source: Y. Fan, S. Lyu, Y. Ying, B.-G. Hu, Learning with Average Top-k Loss, NeurIPS 2017.

    >>> import jax.numpy as jnp
    >>> average_top_k(jnp.array([1., 4., 3., 2.]), 2)
    Array(3.5, dtype=float32)
    """
    k = integer(k, "k")
    if k < 1:
        raise ValueError(f"k={k} must be at least 1.")
    return statistic(_range, losses, axis, where, implementation, k, 0, keepdims=keepdims, name="losses")


def ranked_range(
    losses: ArrayLike,
    k: int,
    m: int,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the average of ranked range (AoRR): of the k largest losses but for the m largest.

    $\frac{1}{k - m} \sum_{i=m+1}^{k} \ell_{[i]}$, where $\ell_{[i]}$ is the i-th largest: the m that may be
    outliers do not count, not even if they are infinite, nor do the small ones.

    Args:
        losses: one for each example, real; integers are taken as floats, as by jax.numpy.mean.
        k: the last rank that counts.
        m: how many of the largest do not count; 0 ≤ m < k.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `losses`. Of fewer than k losses it is the mean of all but the m
            largest, and 0 of m or fewer.
        implementation: as in `diffsort.sort`.

    Returns:
        The average, of the shape of `losses` without `axis`; NaN where a loss is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `losses` is not real, `where` not boolean, or `k` or `m` no integer.
        ValueError: `k`, `m`, `axis`, `where` or `implementation` does not fit.

    Source: S. Hu, Y. Ying, X. Wang, S. Lyu, Learning by Minimizing the Sum of Ranked Range, NeurIPS 2020.

    >>> import jax.numpy as jnp
    >>> ranked_range(jnp.array([1., 90., 3., 2.]), 3, 1)
    Array(2.5, dtype=float32)
    """
    k, m = integer(k, "k"), integer(m, "m")
    if not 0 <= m < k:
        raise ValueError(f"m={m} is not in [0, {k}): it must be at least 0 and less than k.")
    return statistic(_range, losses, axis, where, implementation, k, m, keepdims=keepdims, name="losses")


def trimmed(
    losses: ArrayLike,
    proportion: float,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the mean without the largest losses; of squared residuals, least trimmed squares.

    $\frac{1}{n - g} \sum_{i=g+1}^{n} \ell_{[i]}$ with $g = \lfloor p n \rfloor$, where $\ell_{[i]}$ is the
    i-th largest. What is cut may be infinite.

    Args:
        losses: one for each example, real; integers are taken as floats, as by jax.numpy.mean.
        proportion: p, of the losses to cut; 0 ≤ p < 1.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `losses`; n counts the unmasked losses.
        implementation: as in `diffsort.sort`.

    Returns:
        The mean, of the shape of `losses` without `axis`; NaN where a loss is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `losses` is not real, `where` not boolean, or `proportion` no Python number.
        ValueError: `proportion`, `axis`, `where` or `implementation` does not fit.

    Source: P. J. Rousseeuw, Least Median of Squares Regression, 1984.

    >>> import jax.numpy as jnp
    >>> trimmed(jnp.array([1., jnp.inf, 3., 2.]), 0.25)
    Array(2., dtype=float32)
    """
    proportion = fraction(proportion, "proportion", 0, 1)
    return statistic(
        _trimmed, losses, axis, where, implementation, proportion, keepdims=keepdims, name="losses"
    )


def _range(elements: Ranked, k: int, m: int) -> jax.Array:
    start, stop = (jnp.maximum(elements.count - min(rank, _MOST), 0) for rank in (k, m))
    size = elements.in_float(jnp.maximum(stop - start, 1))
    return elements.weighed(elements.is_between(start, stop) / size)


def _trimmed(elements: Ranked, proportion: float) -> jax.Array:
    stop = elements.count - cut(elements, proportion)
    kept = elements.is_between(jnp.zeros_like(stop), stop)
    return elements.weighed(kept / elements.in_float(jnp.maximum(stop, 1)))
