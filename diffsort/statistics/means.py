"""Means of some of the elements, by their rank."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import fraction
from diffsort.statistics._ranked import Ranked, statistic


def trimmed_mean(
    x: ArrayLike,
    proportion: float,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the mean without the smallest and the largest elements.

    $\frac{1}{n - 2g} \sum_{k=g}^{n-1-g} x_{(k)}$ with $g = \lfloor p n \rfloor$: what is cut may be infinite.

    Args:
        x: array of a floating dtype.
        proportion: p, of the elements to cut at each end; 0 ≤ p < 1/2.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The mean, of the shape of `x` without `axis`; NaN where an element is NaN, 0 where all are masked.

    Raises:
        TypeError: `x` is not floating, `where` not boolean, or `proportion` no Python number.
        ValueError: `proportion`, `axis`, `where` or `implementation` does not fit.

    Source: J. W. Tukey, 1962; `scipy.stats.trim_mean`.

    >>> import jax.numpy as jnp
    >>> trimmed_mean(jnp.array([1., jnp.inf, 3., 2., -50.]), 0.2)
    Array(2., dtype=float32)
    """
    proportion = fraction(proportion, "proportion", 0, 0.5)
    return statistic(_trimmed, x, axis, where, implementation, proportion)


def winsorized_mean(
    x: ArrayLike,
    proportion: float,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the mean after the smallest and the largest elements became those next to them.

    $\frac{1}{n} \left( g\,x_{(g)} + \sum_{k=g}^{n-1-g} x_{(k)} + g\,x_{(n-1-g)} \right)$ with
    $g = \lfloor p n \rfloor$.

    Args:
        x: array of a floating dtype.
        proportion: p, of the elements to replace at each end; 0 ≤ p < 1/2.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The mean, of the shape of `x` without `axis`; NaN where an element is NaN, 0 where all are masked.

    Raises:
        TypeError: `x` is not floating, `where` not boolean, or `proportion` no Python number.
        ValueError: `proportion`, `axis`, `where` or `implementation` does not fit.

    Source: W. J. Dixon, 1960; `scipy.stats.mstats.winsorize`.

    >>> import jax.numpy as jnp
    >>> winsorized_mean(jnp.array([1., 90., 3., 2., -50.]), 0.2)
    Array(2., dtype=float32)
    """
    proportion = fraction(proportion, "proportion", 0, 0.5)
    return statistic(_winsorized, x, axis, where, implementation, proportion)


def superquantile(
    x: ArrayLike,
    level: float,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the superquantile, also called conditional value at risk or expected shortfall.

    The mean of the largest elements, a proportion $1 - \alpha$ of them, an element counting in part where
    the proportion says so: $\frac{1}{1 - \alpha} \int_\alpha^1 Q(u)\,du = \sum_k w_k x_{(k)}$ with
    $w_k = \frac{1}{1 - \alpha} \left| \left[\tfrac{k}{n}, \tfrac{k+1}{n}\right] \cap [\alpha, 1] \right|$.

    Args:
        x: array of a floating dtype.
        level: α, 0 ≤ α < 1. At 0 it is the mean, towards 1 the maximum.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The superquantile, of the shape of `x` without `axis`; NaN where an element is NaN, 0 where all are
        masked.

    Raises:
        TypeError: `x` is not floating, `where` not boolean, or `level` no Python number.
        ValueError: `level`, `axis`, `where` or `implementation` does not fit.

    Source: R. T. Rockafellar and S. Uryasev, Conditional value-at-risk for general loss distributions, 2002.

    >>> import jax.numpy as jnp
    >>> superquantile(jnp.array([1., 4., 3., 2.]), 0.5)
    Array(3.5, dtype=float32)
    """
    level = fraction(level, "level", 0, 1)
    return statistic(_super, x, axis, where, implementation, level)


def _trimmed(elements: Ranked, proportion: float) -> jax.Array:
    g = cut(elements, proportion)
    return elements.weighed(lambda k, n: _is_kept(k, n, g) / jnp.maximum(n - 2 * g, 1))


def _winsorized(elements: Ranked, proportion: float) -> jax.Array:
    g = cut(elements, proportion)

    def weights(k: jax.Array, n: jax.Array) -> jax.Array:
        ends = (k == g).astype(k.dtype) + (k == n - 1 - g).astype(k.dtype)
        return (_is_kept(k, n, g) + g * ends) / jnp.maximum(n, 1)

    return elements.weighed(weights)


def _super(elements: Ranked, level: float) -> jax.Array:
    return elements.weighed(functools.partial(tail_weights, level))


def tail_weights(level: float, k: jax.Array, n: jax.Array) -> jax.Array:
    """The weights of the superquantile, which its spectrum shares."""
    tail = (1 - level) * jnp.maximum(n, 1)  # how many elements that is; counted from the largest down
    return jnp.clip(tail - (n - 1 - k), 0, 1) / tail


def _is_kept(k: jax.Array, n: jax.Array, g: jax.Array) -> jax.Array:
    """1 for all but the g first and the g last of n elements."""
    return ((g <= k) & (k < n - g)).astype(k.dtype)


def cut(elements: Ranked, proportion: float) -> jax.Array:
    """⌊p n⌋ of n elements, as in float64, in which 0.1 × 30 is 3."""
    # Summed up to n, not looked up: a lookup would have to know how its result is laid out over devices.
    steps = jnp.asarray(_steps(proportion, elements.length), elements.count.dtype)
    is_there = (elements.position < elements.count).astype(steps.dtype)
    return jnp.sum(steps.reshape(elements.position.shape) * is_there, elements.axis, keepdims=True)


@functools.cache
def _steps(proportion: float, n: int) -> np.ndarray:
    """By how much ⌊p k⌋ grows with each k up to n."""
    return np.diff(np.floor(proportion * np.arange(n + 1)))
