"""Means of some of the elements, by their rank."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import number_in, probability
from diffsort._ranked import Ranked, cut, statistic, tail_mean, tail_ranks
from diffsort.implementations import ImplementationLike

__all__ = ["superquantile", "trimmed_mean", "winsorized_mean"]


def trimmed_mean(
    x: ArrayLike,
    proportion: float,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the mean without the smallest and the largest elements.

    $\frac{1}{n - 2g} \sum_{k=g}^{n-1-g} x_{(k)}$ with $g = \lfloor p n \rfloor$: what is cut may be infinite.

    With weights a proportion p of their sum is cut at each end, the elements there in part, and what is left
    weighs the mean: $\frac{1}{1 - 2p} \int_p^{1-p} Q(u)\,du$, where Q(u) is the first element up to which the
    weights sum to a proportion u. Of equal weights it is the mean above where p n is a whole number.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        proportion: p, of the elements to cut at each end; 0 ≤ p < 1/2.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        weights: how much each element counts: real, non-negative, which is checked where they are known;
            broadcastable to `x`, or with one dimension, along `axis`. The result is differentiable in them.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The mean, of the shape of `x` without `axis`; NaN where an element is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `proportion` is not a Python number.
        ValueError: `proportion` is outside [0, 1/2).

    Source: J. W. Tukey, The future of data analysis, 1962; `scipy.stats.trim_mean`.

    >>> import jax.numpy as jnp
    >>> trimmed_mean(jnp.array([1., jnp.inf, 3., 2., -50.]), 0.2)
    Array(2., dtype=float32)
    >>> trimmed_mean(jnp.array([1., jnp.inf, 3.]), 0.25, weights=jnp.array([2, 1, 1]))  # of 1 and 3
    Array(2., dtype=float32)
    """
    proportion = number_in(proportion, "proportion", 0, 0.5)
    return statistic(
        _trim,
        x,
        axis,
        where,
        implementation,
        proportion,
        keepdims=keepdims,
        weights=weights,
        ranks=lambda n: (math.floor(proportion * n) - 1, n + 1 - math.floor(proportion * n)),
    )


def winsorized_mean(
    x: ArrayLike,
    proportion: float,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the mean after the smallest and the largest elements became those next to them.

    $\frac{1}{n} \left( g\,x_{(g)} + \sum_{k=g}^{n-1-g} x_{(k)} + g\,x_{(n-1-g)} \right)$ with
    $g = \lfloor p n \rfloor$.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        proportion: p, of the elements to replace at each end; 0 ≤ p < 1/2.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The mean, of the shape of `x` without `axis`; NaN where an element is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `proportion` is not a Python number.
        ValueError: `proportion` is outside [0, 1/2).

    Source: W. J. Dixon, Simplified estimation from censored normal samples, 1960;
    `scipy.stats.mstats.winsorize`.

    >>> import jax.numpy as jnp
    >>> winsorized_mean(jnp.array([1., 90., 3., 2., -50.]), 0.2)
    Array(2., dtype=float32)
    """
    proportion = number_in(proportion, "proportion", 0, 0.5)
    return statistic(_winsorize, x, axis, where, implementation, proportion, keepdims=keepdims)


def superquantile(
    x: ArrayLike,
    level: float | jax.Array,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the superquantile, also called conditional value at risk or expected shortfall.

    The mean of the largest elements, a proportion $1 - \alpha$ of them, an element counting in part where
    the proportion says so: $\frac{1}{1 - \alpha} \int_\alpha^1 Q(u)\,du = \sum_k w_k x_{(k)}$ with
    $w_k = \frac{1}{1 - \alpha} \left| \left[\tfrac{k}{n}, \tfrac{k+1}{n}\right] \cap [\alpha, 1] \right|$.
    With weights, element k takes not $[\tfrac{k}{n}, \tfrac{k+1}{n}]$, but from the proportion that the
    weights before it are of all to that with its own.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        level: α, 0 ≤ α < 1. At 0 it is the mean, towards 1 the maximum. It may be traced, and is then not
            checked.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        weights: how much each element counts: real, non-negative, which is checked where they are known;
            broadcastable to `x`, or with one dimension, along `axis`. The result is differentiable in them.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The superquantile, of the shape of `x` without `axis`; NaN where an element is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `level` is not a number.
        ValueError: `level` is outside [0, 1).

    Source: R. T. Rockafellar and S. Uryasev, Conditional value-at-risk for general loss distributions, 2002.

    >>> import jax.numpy as jnp
    >>> superquantile(jnp.array([1., 4., 3., 2.]), 0.5)
    Array(3.5, dtype=float32)
    >>> superquantile(jnp.array([1., 4., 3., 2.]), 0.5, weights=jnp.array([1, 3, 1, 1]))
    Array(4., dtype=float32)
    """
    level = probability(level, "level")
    return statistic(
        tail_mean,
        x,
        axis,
        where,
        implementation,
        level,
        keepdims=keepdims,
        weights=weights,
        ranks=tail_ranks(level),
    )


def _trim(elements: Ranked, proportion: float) -> jax.Array:
    if elements.masses is not None:
        return elements.weigh(elements.masses.between(_inside, proportion))
    g = cut(elements, proportion)
    kept = elements.is_between(g, elements.count - g)
    return elements.weigh(kept / elements.in_float(jnp.maximum(elements.count - 2 * g, 1)))


def _inside(whole: jax.Array, proportion: jax.Array) -> tuple[jax.Array, jax.Array]:
    end = proportion * whole
    return end, whole - end


def _winsorize(elements: Ranked, proportion: float) -> jax.Array:
    g, k, n = cut(elements, proportion), elements.position, elements.count
    ends = elements.in_float(k == g) + elements.in_float(k == n - 1 - g)
    kept = elements.is_between(g, n - g)
    return elements.weigh((kept + elements.in_float(g) * ends) / elements.in_float(jnp.maximum(n, 1)))
