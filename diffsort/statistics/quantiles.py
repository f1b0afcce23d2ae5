"""Single elements by rank: order statistics, and quantiles between two of them."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import as_floating, canonical_axes, concrete, floating, integer, real_array
from diffsort._precision import Factor, place, split
from diffsort._ranked import Ranked, statistic
from diffsort.implementations import ImplementationLike

__all__ = ["median", "order_statistic", "quantile"]

# The α and β of methods that ask for element q n + α + q (1 − α − β) − 1, counted from 0.
_ELEMENTS = {
    "inverted_cdf": (0.0, 1.0),
    "averaged_inverted_cdf": (0.0, 1.0),
    "closest_observation": (-0.5, 1.5),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
# Those that ask for element q (n − 1).
_GAPS = ("linear", "lower", "higher", "midpoint", "nearest")


def _window(first: float, second: float, whole: jax.Array, q: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns where the place that a method asks for starts and stops, of a sum of weights."""
    start, last = whole * q + (first + q * (1 - first - second)) - 1, whole - 1
    start = jnp.where(start < last, start, last)
    start = jnp.where(start > 0, start, jnp.zeros_like(start))  # and moves neither end, if it is just 0
    return start, jnp.minimum(start + 1, whole)


# Those that take as much of the elements around a place as the weight of one.
_WINDOWS = {
    method: functools.partial(_window, *(_ELEMENTS | {"linear": (1.0, 1.0)})[method])
    for method in (
        "interpolated_inverted_cdf",
        "hazen",
        "weibull",
        "linear",
        "median_unbiased",
        "normal_unbiased",
    )
}
_WEIGHTED = ("inverted_cdf", "averaged_inverted_cdf", *_WINDOWS)


def quantile(
    x: ArrayLike,
    q: ArrayLike,
    axis: int | tuple[int, ...] | None = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns quantiles of `x`, as numpy.quantile does, with a mask.

    $(1 - g)\, x_{(\lfloor h \rfloor)} + g\, x_{(\lfloor h \rfloor + 1)}$, where g is the rest
    $h - \lfloor h \rfloor$ and $h = q n + m - 1$, but not less than 0 or more than n − 1. The gradient goes
    to these two elements, in these shares. The methods differ in m:

    | method | m |
    |---|---|
    | "interpolated_inverted_cdf" | 0 |
    | "hazen" | 1/2 |
    | "weibull" | q |
    | "linear" | 1 − q, so that h is q (n − 1) |
    | "median_unbiased" | (q + 1)/3 |
    | "normal_unbiased" | q/4 + 3/8 |

    or take elements as they are: "inverted_cdf", that at h with m = 0, rounded up; "averaged_inverted_cdf",
    the same, but where h is whole the mean of that element and the next; "closest_observation", that nearest
    to h with m = 0, of two the one whose number is even, counted from 1; and with the h of the linear method
    "lower", "higher", "midpoint" (the mean of these two) and "nearest", of two the one of even rank, counted
    from 0.

    With weights, an element of weight w counts as w equal ones would. The quantile of "inverted_cdf" is the
    first element up to which the weights sum to a proportion q of all, as in NumPy; that of
    "averaged_inverted_cdf" the mean of it and the next where they sum to just that. These two depend on the
    proportions of the weights alone. The first six methods, with the sum of the weights for n, take
    $\int_h^{h+1} S(t)\,dt$ where S is the first element up to which the weights sum to more than t: the
    elements around h, as much of them as weighs 1. Of whole weights that is what scipy.stats.quantile
    returns, and it has no jumps in between. The weights are to be counts, or scaled to sum to how many
    observations they are worth: weights that sum to 1 are a single one, all quantiles of which are the mean.
    The other methods count elements and take no weights.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        q: probabilities in [0, 1], which is checked where they are known: a scalar or one-dimensional. They
            are multiplied in float64, so that 0.09 of 300 is 27, where NumPy does it in the dtype of `q`.
        axis: the axis or axes to reduce; None reduces all.
        method: as above; those of numpy.quantile.
        keepdims: leave the reduced axes in, with length 1.
        weights: how much each element counts: real, non-negative, which is checked where they are known;
            broadcastable to `x`, or with one dimension, along `axis`. The result is differentiable in them.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The quantiles, in front the axis of `q` if it has one, then those of `x` without `axis`; NaN where an
        element is NaN, and of an axis of length 0; 0 where all are masked.

    Raises:
        ValueError: `q` has more than one axis, a probability that is known is outside [0, 1], or `method` is
            unknown, or takes no weights and is given some.

    Source: R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, 1996; with weights: A.
    Akinshin, Weighted quantile estimators, 2023, whose number of observations is the sum of the weights here.

    >>> import jax.numpy as jnp
    >>> quantile(jnp.array([3., 1., 2., 10.]), jnp.array([0.5, 1.0]))
    Array([ 2.5, 10. ], dtype=float32)
    >>> quantile(jnp.array([3., 1., 10.]), 0.5, method="inverted_cdf", weights=jnp.array([1., 1., 3.]))
    Array(10., dtype=float32)
    """
    method = checked_method(method)
    if weights is not None and method not in _WEIGHTED:
        raise ValueError(
            f"method={method!r} counts elements, and takes no weights; those that do: "
            f"{', '.join(map(repr, _WEIGHTED))}."
        )
    probabilities, numbers = _probabilities(q)
    found = statistic(
        _quantiles,
        x,
        axis,
        where,
        implementation,
        method,
        jax.tree.map(jnp.ravel, probabilities),
        keepdims=keepdims,
        weights=weights,
        ranks=_ranks_around(numbers),
        leading=1,
    )
    return found if jax.tree.leaves(probabilities)[0].ndim else jnp.squeeze(found, 0)


def checked_method(method: str) -> str:
    """Returns `method`.

    Raises:
        ValueError: it is not one of those that `quantile` has.
    """
    if method not in (*_ELEMENTS, *_GAPS):
        raise ValueError(f"method={method!r} is not one of {', '.join(map(repr, (*_ELEMENTS, *_GAPS)))}.")
    return method


def median(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the median of `x`, as jax.numpy.median does: the element in the middle, or the mean of the two.

    With weights it is the first element up to which they sum to half of all or more, or the mean of it and
    the next where they sum to just that: the quantile of the method "averaged_inverted_cdf".

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        weights: how much each element counts: real, non-negative, which is checked where they are known;
            broadcastable to `x`, or with one dimension, along `axis`. The result is differentiable in them.
        where: boolean mask, broadcastable to `x`.
        implementation: as in `diffsort.sort`.

    Returns:
        The median, of the shape of `x` without `axis`; NaN where an element is NaN,
        and of an axis of length 0; 0 where all are masked.

    >>> import jax.numpy as jnp
    >>> median(jnp.array([3., 1., 10.]))
    Array(3., dtype=float32)
    >>> median(jnp.array([3., 1., 10.]), weights=jnp.array([1, 1, 3]))
    Array(10., dtype=float32)
    """
    return statistic(
        _median,
        x,
        axis,
        where,
        implementation,
        keepdims=keepdims,
        weights=weights,
        ranks=lambda n: ((n - 1) // 2, n // 2 + 1),
    )


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
    return statistic(
        _order_statistic,
        array,
        axes,
        where,
        implementation,
        k,
        keepdims=keepdims,
        ranks=lambda n: (k % n, k % n + 1),
    )


def _order_statistic(elements: Ranked, k: int) -> jax.Array:
    rank = jnp.full_like(elements.count, k) if k >= 0 else elements.count + k
    element = elements.at(rank)
    is_there = (rank >= 0) & (rank < elements.count)
    return elements.finish(jnp.where(is_there, element, jnp.zeros_like(element)))


def _median(elements: Ranked) -> jax.Array:
    if elements.masses is not None:
        return _quantiles(elements, "averaged_inverted_cdf", jnp.full(1, 0.5, elements.values.dtype))[0]
    last = jnp.maximum(elements.count - 1, 0)
    low = last // 2
    half = elements.in_float(last % 2) / 2
    return elements.finish(_between(elements.at(low), elements.at(last - low), half))


def _quantiles(elements: Ranked, method: str, probabilities: Factor) -> jax.Array:
    """The quantiles along a new first axis."""
    axis, masses = elements.axis, elements.masses
    along = [-1 if d == axis else 1 for d in range(elements.values.ndim)]
    if masses is None:
        factor = jax.tree.map(lambda q: q.reshape(along), probabilities)
        last = jnp.maximum(elements.count - 1, 0)
        low, high, share = _places(method, factor, elements.count, last, elements.values.dtype)
        low, high = (jnp.clip(index, 0, last) for index in (low, high))
    else:
        ahead = masses.repeat()
        factor = jax.tree.map(lambda q: q.reshape(-1, *[1] * len(along)), probabilities)
        if method in _WINDOWS:
            parts = ahead.between(_WINDOWS[method], factor)
            return elements.repeat(parts.shape[0]).weigh(parts)
        low, high = (jnp.moveaxis(jnp.squeeze(k, axis + 1), 0, axis) for k in ahead.rank_at(factor))
        high = high if method == "averaged_inverted_cdf" else low
        share = jnp.full(low.shape, 0.5, elements.values.dtype)
    share = jnp.where(low == high, jnp.zeros_like(share), share)
    found = _between(elements.at(low), elements.at(high), share)
    return jnp.moveaxis(elements.complete(found), axis, 0)


def _places(
    method: str, factor: Factor, count: jax.Array, last: jax.Array, dtype: jnp.dtype
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns the ranks of two elements, which may be out of range, and the share of the second."""
    if method in _GAPS:
        at = place(factor, last, dtype)
    else:
        first, second = _ELEMENTS[method]
        at = place(factor, count, dtype, (first, 1 - first - second))
    low, above, share = at.whole, at.whole + 1, at.part
    high = jnp.where(share > 0, above, low)
    match method:
        case "lower":
            high = low
        case "nearest":
            low = high = at.nearest
        case "higher" | "inverted_cdf":
            low = high
        case "closest_observation":  # halfway the one of even rank, counted from 1
            low = high = jnp.where((share > 0) | (low % 2 == 0), above, low)
        case "midpoint" | "averaged_inverted_cdf":
            share = jnp.full_like(share, 0.5)
            if method == "averaged_inverted_cdf":
                low, high = high, above
    return low, high, share


def _between(first: jax.Array, second: jax.Array, share: jax.Array) -> jax.Array:
    # Chosen, since 0 × inf would be NaN.
    return jnp.where(share == 0, first, first * (1 - share) + second * share)


def _ranks_around(numbers: np.ndarray | None) -> Callable[[int], tuple[int, int]] | None:
    """Returns, for n elements, the ranks that quantiles of these probabilities may take, by any method.

    None asks for element number q (n − 1) with a difference of more than 3/2.
    """
    if numbers is None or numbers.size == 0:
        return None
    low, high = float(numbers.min()), float(numbers.max())
    return lambda n: (math.floor(low * (n - 1)) - 3, math.ceil(high * (n - 1)) + 4)


def _probabilities(q: ArrayLike) -> tuple[Factor, np.ndarray | None]:
    """Returns probabilities as `place` takes them, and their numbers where they are known, in float64.

    Raises:
        TypeError: they are not real.
        ValueError: they have more than one axis, or one that is known is not in [0, 1].
    """
    array = q if isinstance(q, jax.Array) else np.asarray(q)
    if array.ndim > 1:
        raise ValueError(f"q must be a scalar or have one axis, not the shape {array.shape}.")
    numbers = concrete(real_array(array, "q") if isinstance(array, jax.Array) else array)
    if numbers is None:
        return floating(q, "q"), None
    outside = numbers[~((numbers >= 0) & (numbers <= 1))]
    if outside.size:
        raise ValueError(f"q={outside[0]:g} is not in [0, 1]: quantiles are asked for by probabilities.")
    return split(numbers), numbers
