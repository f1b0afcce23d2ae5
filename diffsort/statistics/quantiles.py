"""Single elements by rank: order statistics, and quantiles between two of them."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, floating, integer, mask_like
from diffsort.statistics._ranked import Ranked, statistic

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    x: ArrayLike,
    q: ArrayLike,
    axis: int | tuple[int, ...] | None = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns quantiles of `x`, as jax.numpy.quantile does, with a mask.

    With $h = q (n - 1)$, the linear method gives $(1 - h + \lfloor h \rfloor)\, x_{(\lfloor h \rfloor)} +
    (h - \lfloor h \rfloor)\, x_{(\lceil h \rceil)}$. The gradient goes to
    those two elements, in these shares.

    Args:
        x: array of a floating dtype.
        q: probabilities in [0, 1]: a scalar or one-dimensional. Those outside count as 0 or 1.
        axis: the axis or axes to reduce; None reduces all.
        method: "linear", "lower", "higher", "midpoint" or "nearest" (to even), for a quantile that falls
            between two elements.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements.
        implementation: as in `diffsort.sort`.

    Returns:
        The quantiles, in front the axis of `q` if it has one, then those of `x` without `axis`; NaN where an
        element is NaN, 0 where all are masked.

    Raises:
        TypeError: `x` is not floating, or `where` not boolean.
        ValueError: `q` has more than one axis, `method` is unknown; `axis`, `where` or `implementation` does
            not fit.

    Source: R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, 1996 (definition 7).

    >>> import jax.numpy as jnp
    >>> quantile(jnp.array([3., 1., 2., 10.]), jnp.array([0.5, 1.0]))
    Array([ 2.5, 10. ], dtype=float32)
    """
    if method not in _METHODS:
        raise ValueError(f"method={method!r} is none of {', '.join(map(repr, _METHODS))}.")
    array = floating(x, "x")
    probabilities = jnp.asarray(q)
    if probabilities.ndim > 1:
        raise ValueError(f"q must be a scalar or have one axis, not the shape {probabilities.shape}.")
    axes = _canonical_axes(axis, array.ndim)
    rows, mask = _as_rows(array, axes), None
    if where is not None:
        mask = _as_rows(jnp.broadcast_to(mask_like(where, array), array.shape), axes)
    found = statistic(
        _quantiles, rows, -1, mask, implementation, method, operands=(probabilities.reshape(-1),)
    )
    if keepdims:
        found = found.reshape(-1, *(1 if d in axes else n for d, n in enumerate(array.shape)))
    return found if probabilities.ndim else found[0]


def median(
    x: ArrayLike,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    """Returns the median of `x`, as jax.numpy.median does: the element in the middle, or the mean of the two.

    Args:
        x: array of a floating dtype.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`.
        implementation: as in `diffsort.sort`.

    Returns:
        The median, of the shape of `x` without `axis`; NaN where an element is NaN, 0 where all are masked.

    Raises:
        TypeError: `x` is not floating, or `where` not boolean.
        ValueError: `axis`, `where` or `implementation` does not fit.

    >>> import jax.numpy as jnp
    >>> median(jnp.array([3., 1., 10.]))
    Array(3., dtype=float32)
    """
    return quantile(
        x, 0.5, axis, method="midpoint", keepdims=keepdims, where=where, implementation=implementation
    )


def order_statistic(
    x: ArrayLike,
    k: int,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    """Returns the order statistic $x_{(k)}$: element number `k` of those sorted.

    The extremes are `jax.numpy.min` and `max`, which are faster but share a gradient among ties; here one
    element gets it all.

    Args:
        x: array of a floating dtype.
        k: 0 for the smallest, −1 for the largest; −n ≤ k < n.
        axis: the axis to reduce.
        where: boolean mask, broadcastable to `x`; n counts the unmasked elements, and where `k` is none of
            them the result is 0.
        implementation: as in `diffsort.sort`.

    Returns:
        The element, of the shape of `x` without `axis`; NaN where an element is NaN.

    Raises:
        TypeError: `x` is not floating, `where` not boolean, or `k` no integer.
        ValueError: `k`, `axis`, `where` or `implementation` does not fit.

    >>> import jax.numpy as jnp
    >>> order_statistic(jnp.array([3., 1., 10.]), -2)
    Array(3., dtype=float32)
    """
    return statistic(_order_statistic, x, axis, where, implementation, integer(k, "k"))


def _order_statistic(elements: Ranked, k: int) -> jax.Array:
    n = elements.length
    if not -n <= k < n:
        raise ValueError(f"k={k} is not between {-n} and {n - 1}, for axis {elements.axis} of length {n}.")
    place = jnp.full_like(elements.count, k) if k >= 0 else elements.count + k
    element = _element(elements, place)
    is_there = (place >= 0) & (place < elements.count)
    return elements.finished(jnp.where(is_there, element, jnp.zeros_like(element)))


def _quantiles(elements: Ranked, method: str, probabilities: jax.Array) -> jax.Array:
    """The quantiles along a new first axis."""
    return jax.vmap(lambda p: _quantile(elements, p, method))(probabilities)


def _quantile(elements: Ranked, q: jax.Array, method: str) -> jax.Array:
    last = jnp.maximum(elements.count - 1, 0)
    place = jnp.clip(q.astype(last.dtype), 0, 1) * last
    low, high = jnp.floor(place), jnp.ceil(place)
    if method == "nearest":
        low = high = jnp.round(place)
    share = {"linear": place - low, "midpoint": jnp.full_like(low, 0.5)}.get(method, jnp.zeros_like(low))
    if method == "lower":
        high = low
    elif method == "higher":
        low = high
    first, second = _element(elements, low), _element(elements, high)
    between = first * (1 - share) + second * share
    # Chosen, since 0 × inf would be NaN.
    return elements.finished(jnp.where(share == 0, first, between))


def _element(elements: Ranked, place: jax.Array) -> jax.Array:
    index = jnp.clip(place.astype(jnp.int32), 0, elements.length - 1)
    return jnp.take_along_axis(elements.values, index, elements.axis)


def _canonical_axes(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(canonical_axis(a, ndim) for a in (axis if isinstance(axis, tuple) else (axis,)))
    if len(set(axes)) != len(axes):
        raise ValueError(f"axis={axis} names an axis twice.")
    return axes


def _as_rows(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Returns `x` with the given axes joined into a last one."""
    others = [d for d in range(x.ndim) if d not in axes]
    size = int(np.prod([x.shape[d] for d in axes], dtype=np.int64))
    return x.transpose(*others, *axes).reshape(*(x.shape[d] for d in others), size)
