"""Means of the largest per-example losses, or of all but these, by rank."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import integer, number_in, probability
from diffsort._ranked import Ranked, cut, statistic, tail_mean, tail_ranks
from diffsort.implementations import ImplementationLike
from diffsort.losses._smoothing import smoothed_superquantile

__all__ = ["average_top_k", "cvar", "ranked_range", "trimmed"]


def cvar(
    losses: ArrayLike,
    level: float | jax.Array,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    smoothing: float = 0.0,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the conditional value at risk: the mean of the largest losses, a proportion 1 − α of them.

    It is the worst weighted mean, $\max_q \langle q, \ell \rangle$ over the weights
    $0 \le q_i \le \frac{1}{n (1 - \alpha)}$ of sum 1. Smoothed, it is

    $$\max_q \; \langle q, \ell \rangle - \frac{n \nu}{2} \Big\| q - \frac{1}{n} \Big\|^2 .$$

    That maximum is found exactly: $n q_i = \min(\max(1 + (\ell_i - \eta) / \nu, 0), \frac{1}{1 - \alpha})$,
    where a search among the sorted losses tells which of the three pieces each lies on, and η follows. The
    gradient is q, which is continuous, and the Hessian is that of q. With ν → 0 it becomes
    `diffsort.superquantile`, with ν → ∞ the mean, and it lies between the two, less than
    $\frac{\nu \alpha}{2 (1 - \alpha)}$ below the former. With weights v of sum 1, it is
    $\max_q \langle q, \ell \rangle - \frac{\nu}{2} \sum_i v_i (q_i / v_i - 1)^2$ with
    $0 \le q_i \le \frac{v_i}{1 - \alpha}$.

    Args:
        losses: one for each example, real; integers are taken as floats, as by jax.numpy.mean.
        level: α, 0 ≤ α < 1. At 0 it is the mean, towards 1 the maximum. It may be traced, as that of a
            schedule is, and is then not checked.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        smoothing: ν ≥ 0, in the units of the losses; 0 does not smooth. The penalty is scaled with n, so that
            a value does the same for every number of losses.
        weights: how much each loss counts: real, non-negative, which is checked where they are known;
            broadcastable to `losses`, or with one dimension, along `axis`. Only their proportions count. The
            result is differentiable in them.
        where: boolean mask, broadcastable to `losses`; n counts the unmasked losses.
        implementation: as in `diffsort.sort`.

    Returns:
        The value, of the shape of `losses` without `axis`; NaN where a loss is NaN,
        or a weight is not finite, and of an axis of length 0; 0 where all are masked or have no weight.

    Raises:
        TypeError: `level` is not a number, `smoothing` not a Python number, or `weights` not real.
        ValueError: `level` is outside [0, 1), `smoothing` negative or infinite, a weight that is known
            negative, or `weights` does not fit `losses`.

    Source: R. T. Rockafellar and S. Uryasev, Conditional value-at-risk for general loss distributions, 2002;
    smoothed: Y. Laguel, K. Pillutla, J. Malick, Z. Harchaoui, Superquantiles at Work: Machine Learning
    Applications and Efficient Subgradient Computation, 2021.

    >>> import jax, jax.numpy as jnp
    >>> losses = jnp.array([1., 4., 3., 2.])
    >>> cvar(losses, 0.5)
    Array(3.5, dtype=float32)
    >>> cvar(losses, 0.5, smoothing=2.)
    Array(2.8125, dtype=float32)
    >>> jax.grad(lambda x: cvar(x, 0.5, smoothing=2.))(losses)
    Array([0.0625, 0.4375, 0.3125, 0.1875], dtype=float32)
    >>> cvar(losses, 0.5, weights=jnp.array([1, 3, 1, 1]))
    Array(4., dtype=float32)
    """
    level = probability(level, "level")
    smoothing = number_in(smoothing, "smoothing", 0, math.inf)
    function, *arguments = (smoothed_superquantile, smoothing, level) if smoothing else (tail_mean, level)
    return statistic(
        function,
        losses,
        axis,
        where,
        implementation,
        *arguments,
        keepdims=keepdims,
        weights=weights,
        ranks=None if smoothing else tail_ranks(level),
        name="losses",
    )


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
        TypeError: `k` is not an integer.
        ValueError: `k` is less than 1.

    Source: Y. Fan, S. Lyu, Y. Ying, B.-G. Hu, Learning with Average Top-k Loss, NeurIPS 2017.

    >>> import jax.numpy as jnp
    >>> average_top_k(jnp.array([1., 4., 3., 2.]), 2)
    Array(3.5, dtype=float32)
    """
    k = integer(k, "k")
    if k < 1:
        raise ValueError(f"k={k} must be at least 1.")
    return ranked_range(losses, k, 0, axis, keepdims=keepdims, where=where, implementation=implementation)


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
    r"""Returns the average of ranked range (AoRR): of the k largest losses without the m largest.

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
        TypeError: `k` or `m` is not an integer.
        ValueError: `m` is negative, or not less than `k`.

    Source: S. Hu, Y. Ying, X. Wang, S. Lyu, Learning by Minimizing the Sum of Ranked Range, NeurIPS 2020.

    >>> import jax.numpy as jnp
    >>> ranked_range(jnp.array([1., 90., 3., 2.]), 3, 1)
    Array(2.5, dtype=float32)
    """
    k, m = integer(k, "k"), integer(m, "m")
    if not 0 <= m < k:
        raise ValueError(f"m={m} is not in [0, {k}): it must be at least 0 and less than k.")
    return statistic(
        _range,
        losses,
        axis,
        where,
        implementation,
        k,
        m,
        keepdims=keepdims,
        ranks=lambda n: (n - k, n - m),
        name="losses",
    )


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
        TypeError: `proportion` is not a Python number.
        ValueError: `proportion` is outside [0, 1).

    Source: P. J. Rousseeuw, Least Median of Squares Regression, 1984.

    >>> import jax.numpy as jnp
    >>> trimmed(jnp.array([1., jnp.inf, 3., 2.]), 0.25)
    Array(2., dtype=float32)
    """
    proportion = number_in(proportion, "proportion", 0, 1)
    return statistic(
        _trim,
        losses,
        axis,
        where,
        implementation,
        proportion,
        keepdims=keepdims,
        ranks=lambda n: (0, n + 1 - math.floor(proportion * n)),
        name="losses",
    )


def _range(elements: Ranked, k: int, m: int) -> jax.Array:
    start, stop = (jnp.maximum(elements.count - min(rank, _MOST), 0) for rank in (k, m))
    size = elements.in_float(jnp.maximum(stop - start, 1))
    return elements.weigh(elements.is_between(start, stop) / size)


def _trim(elements: Ranked, proportion: float) -> jax.Array:
    stop = elements.count - cut(elements, proportion)
    kept = elements.is_between(jnp.zeros_like(stop), stop)
    return elements.weigh(kept / elements.in_float(jnp.maximum(stop, 1)))
