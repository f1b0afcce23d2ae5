"""Single elements by rank: order statistics, and quantiles between two of them."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import as_floating, canonical_axes, concrete, floating, integer, real_array
from diffsort._precision import place, split
from diffsort._ranked import Ranked, statistic
from diffsort.implementations import ImplementationLike

__all__ = ["median", "order_statistic", "quantile"]

# Probabilities: an array, or the arrays whose sum they are.
Factor = jax.Array | tuple[jax.Array, ...]

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    x: ArrayLike,
    q: ArrayLike,
    axis: int | tuple[int, ...] | None = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns quantiles of `x`, as jax.numpy.quantile does, with a mask.

    With $h = q (n - 1)$, the linear method gives $(1 - h + \lfloor h \rfloor)\, x_{(\lfloor h \rfloor)} +
    (h - \lfloor h \rfloor)\, x_{(\lceil h \rceil)}$. The gradient goes to
    those two elements, in these shares.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        q: probabilities in [0, 1], which is checked where they are known: a scalar or one-dimensional. They
            are multiplied in float64, so that 0.09 of 300 is 27.
        axis: the axis or axes to reduce; None reduces all.
        method: "linear", "lower", "higher", "midpoint" or "nearest", for a quantile that falls between two
            elements. Halfway, the nearest is the one of even rank, as in NumPy; jax.numpy takes the lower.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The quantiles, in front the axis of `q` if it has one, then those of `x` without `axis`; NaN where an
        element is NaN, and of an axis of length 0; 0 where all are masked.

    Raises:
        ValueError: `q` has more than one axis, a probability that is known is outside [0, 1], or `method` is
            unknown.

    Source: R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, 1996 (definition 7).

    >>> import jax.numpy as jnp
    >>> quantile(jnp.array([3., 1., 2., 10.]), jnp.array([0.5, 1.0]))
    Array([ 2.5, 10. ], dtype=float32)
    """
    method = checked_method(method)
    probabilities = _probabilities(q)
    found = statistic(
        _quantiles,
        x,
        axis,
        where,
        implementation,
        method,
        jax.tree.map(jnp.ravel, probabilities),
        keepdims=keepdims,
        leading=1,
    )
    return found if jax.tree.leaves(probabilities)[0].ndim else jnp.squeeze(found, 0)


def checked_method(method: str) -> str:
    """Returns `method`.

    Raises:
        ValueError: it is not one of those that `quantile` has.
    """
    if method not in _METHODS:
        raise ValueError(f"method={method!r} is not one of {', '.join(map(repr, _METHODS))}.")
    return method


def median(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the median of `x`, as jax.numpy.median does: the element in the middle, or the mean of the two.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`.
        implementation: as in `diffsort.sort`.

    Returns:
        The median, of the shape of `x` without `axis`; NaN where an element is NaN,
        and of an axis of length 0; 0 where all are masked.

    >>> import jax.numpy as jnp
    >>> median(jnp.array([3., 1., 10.]))
    Array(3., dtype=float32)
    """
    return statistic(_median, x, axis, where, implementation, keepdims=keepdims)


def order_statistic(
    x: ArrayLike,
    k: int,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the order statistic $x_{(k)}$: element number `k` of those sorted.

    The extremes are `jax.numpy.min` and `max`, which are faster but share a gradient among ties; here one
    element gets it all.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        k: 0 for the smallest, −1 for the largest; −n ≤ k < n.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements, and where there are
            not enough of them the result is 0.
        implementation: as in `diffsort.sort`.

    Returns:
        The element, of the shape of `x` without `axis`; NaN where an element is NaN.

    Raises:
        TypeError: `k` is not an integer.
        ValueError: `k` is not in −n ≤ k < n.

    >>> import jax.numpy as jnp
    >>> order_statistic(jnp.array([3., 1., 10.]), -2)
    Array(3., dtype=float32)
    """
    k = integer(k, "k")
    array = as_floating(x, "x")
    axes = canonical_axes(axis, array.ndim)
    n = math.prod(array.shape[d] for d in axes)
    if isinstance(n, int) and not -n <= k < n:
        over = f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"
        raise ValueError(f"k={k} is not between {-n} and {n - 1}, for {over} of length {n}.")
    return statistic(_order_statistic, array, axes, where, implementation, k, keepdims=keepdims)


def _order_statistic(elements: Ranked, k: int) -> jax.Array:
    rank = jnp.full_like(elements.count, k) if k >= 0 else elements.count + k
    element = elements.at(rank)
    is_there = (rank >= 0) & (rank < elements.count)
    return elements.finish(jnp.where(is_there, element, jnp.zeros_like(element)))


def _median(elements: Ranked) -> jax.Array:
    last = jnp.maximum(elements.count - 1, 0)
    low = last // 2
    half = elements.in_float(last % 2) / 2
    return elements.finish(_between(elements.at(low), elements.at(last - low), half))


def _quantiles(elements: Ranked, method: str, probabilities: Factor) -> jax.Array:
    """The quantiles along a new first axis."""
    last = jnp.maximum(elements.count - 1, 0)
    along = [-1 if d == elements.axis else 1 for d in range(last.ndim)]
    factor = jax.tree.map(lambda q: q.reshape(along), probabilities)
    at = place(factor, last, elements.values.dtype)
    low, high, share = at.whole, at.whole + (at.part > 0).astype(jnp.int32), at.part
    if method == "nearest":
        low = high = at.nearest
    elif method == "lower":
        high = low
    elif method == "higher":
        low = high
    elif method == "midpoint":
        share = jnp.full_like(share, 0.5)
    if method in ("nearest", "lower", "higher"):
        share = jnp.zeros_like(share)
    found = _between(elements.at(low), elements.at(high), share)
    return jnp.moveaxis(elements.propagate_nan(found), elements.axis, 0)


def _between(first: jax.Array, second: jax.Array, share: jax.Array) -> jax.Array:
    # Chosen, since 0 × inf would be NaN.
    return jnp.where(share == 0, first, first * (1 - share) + second * share)


def _probabilities(q: ArrayLike) -> Factor:
    """Returns probabilities as `place` takes them: numbers that are known in float64, whatever the setting.

    Raises:
        TypeError: they are not real.
        ValueError: they have more than one axis, or one that is known is not in [0, 1].
    """
    array = q if isinstance(q, jax.Array) else np.asarray(q)
    if array.ndim > 1:
        raise ValueError(f"q must be a scalar or have one axis, not the shape {array.shape}.")
    numbers = concrete(real_array(array, "q") if isinstance(array, jax.Array) else array)
    if numbers is None:
        return floating(q, "q")
    outside = numbers[~((numbers >= 0) & (numbers <= 1))]
    if outside.size:
        raise ValueError(f"q={outside[0]:g} is not in [0, 1]: quantiles are asked for by probabilities.")
    return split(numbers)
