"""Single elements by rank: order statistics, and quantiles between two of them."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import as_floating, canonical_axes, integer
from diffsort._quantiles import (
    WEIGHTED,
    as_probabilities,
    checked_method,
    median_of,
    quantiles_of,
    ranks_around,
)
from diffsort._ranked import Ranked, statistic
from diffsort.implementations import ImplementationLike

__all__ = ["median", "order_statistic", "quantile"]


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
    if weights is not None and method not in WEIGHTED:
        raise ValueError(
            f"method={method!r} counts elements, and takes no weights; those that do: "
            f"{', '.join(map(repr, WEIGHTED))}."
        )
    probabilities, numbers = as_probabilities(q)
    found = statistic(
        quantiles_of,
        x,
        axis,
        where,
        implementation,
        method,
        jax.tree.map(jnp.ravel, probabilities),
        keepdims=keepdims,
        weights=weights,
        ranks=ranks_around(numbers),
        leading=1,
    )
    return found if jax.tree.leaves(probabilities)[0].ndim else jnp.squeeze(found, 0)


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
        median_of,
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
