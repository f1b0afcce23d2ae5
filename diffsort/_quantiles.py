"""What quantiles are made of: where each method looks among sorted elements, and what it takes there."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import concrete, floating, real_array
from diffsort._precision import Factor, place, split
from diffsort._ranked import Ranked

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
WEIGHTED = ("inverted_cdf", "averaged_inverted_cdf", *_WINDOWS)


def checked_method(method: str) -> str:
    """Returns `method`.

    Raises:
        ValueError: it is not one of those that `quantile` has.
    """
    if method not in (*_ELEMENTS, *_GAPS):
        raise ValueError(f"method={method!r} is not one of {', '.join(map(repr, (*_ELEMENTS, *_GAPS)))}.")
    return method


def median_of(elements: Ranked) -> jax.Array:
    """Returns the element in the middle, or the mean of the two there."""
    if elements.masses is not None:
        return quantiles_of(elements, "averaged_inverted_cdf", jnp.full(1, 0.5, elements.values.dtype))[0]
    last = jnp.maximum(elements.count - 1, 0)
    low = last // 2
    half = elements.in_float(last % 2) / 2
    return elements.finish(_between(elements.at(low), elements.at(last - low), half))


def quantiles_of(elements: Ranked, method: str, probabilities: Factor) -> jax.Array:
    """Returns the quantiles along a new first axis."""
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
        share = elements.in_float(low < high) / 2
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


def ranks_around(numbers: np.ndarray | None) -> Callable[[int], tuple[int, int]] | None:
    """Returns, for n elements, the ranks that quantiles of these probabilities may take, by any method.

    None asks for element number q (n − 1) with a difference of more than 3/2.
    """
    if numbers is None or numbers.size == 0:
        return None
    low, high = float(numbers.min()), float(numbers.max())
    return lambda n: (math.floor(low * (n - 1)) - 3, math.ceil(high * (n - 1)) + 4)


def as_probabilities(q: ArrayLike) -> tuple[Factor, np.ndarray | None]:
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
