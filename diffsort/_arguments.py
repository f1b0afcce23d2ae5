"""Checks shared by the public functions: clear errors, at trace time."""

import operator

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort.sharding import laid_out_like


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


def real_array(x: ArrayLike, name: str = "x") -> jax.Array:
    """Returns `x` as an array that can be ordered.

    Raises:
        TypeError: the dtype is complex, or no number at all.
    """
    array = jnp.asarray(x)
    if array.dtype != jnp.bool_ and not jnp.issubdtype(array.dtype, jnp.number):
        raise TypeError(f"{name} must hold real numbers, not {array.dtype}.")
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(f"{name} is {array.dtype}: complex numbers have no order; sort their .real.")
    return array


def floating(x: ArrayLike, name: str) -> jax.Array:
    """Returns `x` as an array.

    Raises:
        TypeError: it is not floating.
    """
    array = real_array(x, name)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating, not {array.dtype}; use {name}.astype(float).")
    return array


def mask_like(where: ArrayLike, x: jax.Array, name: str = "where") -> jax.Array:
    """Returns the mask `where` broadcast to the shape of `x`.

    Raises:
        TypeError: `where` is not boolean.
        ValueError: `where` does not broadcast to the shape of `x`.
    """
    mask = jnp.asarray(where)
    if mask.dtype != jnp.bool_:
        raise TypeError(f"{name} must be boolean, not {mask.dtype}; use {name}=mask.astype(bool).")
    return broadcast_like(mask, x, name)


def broadcast_like(array: jax.Array, x: jax.Array, name: str) -> jax.Array:
    """Returns `array` broadcast to the shape of `x`, and laid out over the devices as `x` is.

    Raises:
        ValueError: it does not broadcast to that shape.
    """
    shape = (1,) * (x.ndim - array.ndim) + array.shape
    if len(shape) != x.ndim or any(m not in (1, n) for m, n in zip(shape, x.shape, strict=True)):
        raise ValueError(f"{name} has shape {array.shape}, which does not broadcast to {x.shape}.")
    array = jnp.broadcast_to(laid_out_like(array.reshape(shape), x), x.shape)
    return laid_out_like(array, x)  # broadcast axes are on every device until told otherwise


def integer(value: int, name: str) -> int:
    """Returns `value` as a Python integer.

    Raises:
        TypeError: it is none.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a Python integer, not {value!r}.") from None


def fraction(value: float, name: str, least: float, most: float) -> float:
    """Returns `value` as a Python float in [least, most).

    Raises:
        TypeError: it is no Python number; weights are made when a function is traced.
        ValueError: it is not in that range.
    """
    try:
        number = float(value)
    except TypeError:
        raise TypeError(f"{name} must be a Python number, not {value!r}.") from None
    if not least <= number < most:
        raise ValueError(f"{name}={number} is not in [{least:g}, {most:g}).")
    return number


def require_positive(**values: int) -> None:
    """Checks counts and sizes, each passed under its own name.

    Raises:
        TypeError: a value is not an integer.
        ValueError: a value is less than 1.
    """
    for name, value in values.items():
        if integer(value, name) < 1:
            raise ValueError(f"{name}={value} must be at least 1.")
