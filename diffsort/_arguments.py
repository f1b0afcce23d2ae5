"""Checks shared by the public functions: clear errors, at trace time."""

import operator
from collections.abc import Iterable
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._sharding import reshard_like

Reduction = Literal["sum", "mean"]


def canonical_axis(axis: int, rank: int) -> int:
    """Returns `axis` counted from the front.

    Raises:
        TypeError: `axis` is not an integer.
        ValueError: `axis` is out of range for that rank.
    """
    axis = integer(axis, "axis")
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is out of range for an array of rank {rank}.")
    return axis % rank


def canonical_axes(axis: int | tuple[int, ...] | None, rank: int) -> tuple[int, ...]:
    """Returns the axes that a reduction is over, counted from the front; all of them for None.

    Raises:
        TypeError: an axis is not an integer.
        ValueError: an axis is out of range for that rank, or named twice.
    """
    if axis is None:
        return tuple(range(rank))
    axes = tuple(canonical_axis(a, rank) for a in (axis if isinstance(axis, tuple) else (axis,)))
    if len(set(axes)) != len(axes):
        raise ValueError(f"axis={axis} names an axis twice.")
    return axes


def flag(value: bool, name: str) -> bool:
    """Returns `value` as a Python bool; 0 and 1 will do, as in jax.numpy.

    Raises:
        TypeError: it is neither a boolean nor 0 or 1.
    """
    try:
        number = int(value) if isinstance(value, np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number not in (0, 1):
        raise TypeError(f"{name} must be True or False, not {value!r}.")
    return bool(number)


def as_array(x: ArrayLike) -> jax.Array:
    """Returns `x` as an array. An array is not touched, so that jax.debug_nans does not check it."""
    return x if isinstance(x, jax.Array) else jnp.asarray(x)


def real_array(x: ArrayLike, name: str = "x") -> jax.Array:
    """Returns `x` as an array that can be ordered.

    Raises:
        TypeError: it holds complex numbers, or no numbers.
    """
    array = as_array(x)
    if array.dtype != jnp.bool_ and not jnp.issubdtype(array.dtype, jnp.number):
        raise TypeError(f"{name} must hold real numbers, not {array.dtype}.")
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(f"{name} is {array.dtype}: complex numbers have no order; sort their .real.")
    return array


def floating(x: ArrayLike, name: str) -> jax.Array:
    """Returns `x` as an array.

    Raises:
        TypeError: its dtype is not floating.
    """
    array = real_array(x, name)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating, not {array.dtype}; use {name}.astype(float).")
    return array


def as_floating(x: ArrayLike, name: str) -> jax.Array:
    """Returns `x` as a floating array: integers and booleans as jax.numpy.mean takes them.

    Raises:
        TypeError: `x` is not real.
    """
    array = real_array(x, name)
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    return array.astype(jax.eval_shape(jnp.mean, array).dtype)


def concrete(value: ArrayLike) -> np.ndarray | None:
    """Returns the numbers of `value` where they are known and at hand, in float64, or None."""
    if isinstance(value, jax.core.Tracer):
        return None
    if isinstance(value, jax.Array):
        if not value.is_fully_addressable:
            return None
        value = jax.device_get(value)
    return np.asarray(value).astype(np.float64)


def check_non_negative(weights: ArrayLike, name: str) -> None:
    """Checks weights, where their numbers are known.

    Raises:
        ValueError: one of them is negative.
    """
    numbers = concrete(weights)
    if numbers is not None and np.any(numbers < 0):
        raise ValueError(f"{name} has {numbers.min():g}: weights must not be negative.")


def mask_like(where: ArrayLike, x: jax.Array, name: str = "where") -> jax.Array:
    """Returns the mask `where` broadcast to the shape of `x`.

    Raises:
        TypeError: `where` is not boolean.
        ValueError: `where` does not broadcast to the shape of `x`.
    """
    mask = as_array(where)
    if mask.dtype != jnp.bool_:
        raise TypeError(f"{name} must be boolean, not {mask.dtype}; use {name}=mask.astype(bool).")
    return broadcast_like(mask, x, name)


@jax.jit
def like_points(x: jax.Array) -> jax.Array:
    """Returns False for each point of `x`, laid out as `x` without its last axis, for `mask_like`.

    It holds no number of `x`, which may be a NaN that the mask is to hide.
    """
    return jnp.zeros_like(x[..., 0], dtype=bool)


def fits(shape: tuple[int, ...], whole: tuple[int, ...], axes: tuple[int, ...]) -> bool:
    """Whether `shape` is `whole`, or 1 where that is longer, on axes other than `axes`."""
    return len(shape) == len(whole) and all(
        n == m or (n == 1 and d not in axes) for d, (n, m) in enumerate(zip(shape, whole, strict=True))
    )


def broadcast_like(array: jax.Array, x: jax.Array, name: str) -> jax.Array:
    """Returns `array` broadcast to the shape of `x`, and laid out over the devices as `x` is.

    Raises:
        ValueError: it does not broadcast to that shape.
    """
    shape = (1,) * (x.ndim - array.ndim) + array.shape
    if len(shape) != x.ndim or any(m not in (1, n) for m, n in zip(shape, x.shape, strict=True)):
        hint = ""
        if array.ndim < x.ndim and array.shape == x.shape[: array.ndim]:
            hint = f"; {name}[..., {', '.join(['None'] * (x.ndim - array.ndim))}] does"
        elif array.shape == (*x.shape, 1):
            hint = f"; {name}[..., 0] does"
        raise ValueError(f"{name} has shape {array.shape}, which does not broadcast to {x.shape}{hint}.")
    array = jnp.broadcast_to(reshard_like(array.reshape(shape), x), x.shape)
    return reshard_like(array, x)  # broadcast axes are on every device until told otherwise


def integer(value: int, name: str) -> int:
    """Returns `value` as a Python integer.

    Raises:
        TypeError: it is not an integer.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a Python integer, not {value!r}.") from None


def number_in(value: float, name: str, least: float, most: float) -> float:
    """Returns `value` as a Python float in [least, most).

    Raises:
        TypeError: it is not a Python number; weights are made when a function is traced.
        ValueError: it is outside that range.
    """
    try:
        number = float(value)
    except TypeError:
        raise TypeError(f"{name} must be a Python number, not {value!r}.") from None
    if not least <= number < most:
        raise ValueError(f"{name}={number} is not in [{least:g}, {most:g}).")
    return number


def probability(value: float | jax.Array, name: str) -> float | jax.Array:
    """Returns a scalar in [0, 1): a Python float where its number is known, else as it is traced.

    Raises:
        TypeError: it is not a real number.
        ValueError: it is not a scalar, or outside [0, 1).
    """
    if not isinstance(value, jax.core.Tracer):
        return number_in(float(value) if isinstance(value, jax.Array) else value, name, 0, 1)
    if value.ndim:
        raise ValueError(f"{name} must be a scalar, not of shape {value.shape}; use jax.vmap for several.")
    return floating(value, name)


def require_positive(**values: int) -> None:
    """Checks counts and sizes, each passed under its own name.

    Raises:
        TypeError: a value is not an integer.
        ValueError: a value is less than 1.
    """
    for name, value in values.items():
        if integer(value, name) < 1:
            raise ValueError(f"{name}={value} must be at least 1.")


def as_levels(levels: Iterable[float]) -> tuple[float, ...]:
    """Returns `levels` as Python floats.

    Raises:
        TypeError: it is not a sequence of Python numbers.
        ValueError: it is empty, or one of them is outside [0, 1].
    """
    try:
        found = tuple(float(level) for level in levels)
    except (TypeError, ValueError):
        raise TypeError(f"levels must be a sequence of Python numbers, not {levels!r}.") from None
    if not found:
        raise ValueError("levels is empty: name at least one, such as 0.5 for the median.")
    for level in found:
        if not 0 <= level <= 1:
            raise ValueError(f"levels has {level}, which is not in [0, 1].")
    return found


def known_reduction(reduction: Reduction) -> Reduction:
    """Returns `reduction`.

    Raises:
        ValueError: it is neither "sum" nor "mean".
    """
    if reduction not in get_args(Reduction):
        raise ValueError(f"reduction={reduction!r} is neither 'sum' nor 'mean'.")
    return reduction


def require_features(x: jax.Array, features: int, layer: object) -> None:
    """Checks that the last axis of `x` is as long as the parameters of a layer expect.

    Raises:
        ValueError: it is shorter or longer.
    """
    found = require_an_axis(x).shape[-1]
    if found != features:
        name = type(layer).__name__
        raise ValueError(f"x has {found} features in its last axis, but this {name} was made for {features}.")


def require_an_axis(x: jax.Array) -> jax.Array:
    """Returns `x`.

    Raises:
        ValueError: it is a scalar.
    """
    if x.ndim == 0:
        raise ValueError("x is a scalar; expected features in its last axis.")
    return x
