"""Where a result must not be rounded on the way."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# A number, or the arrays whose sum it is.
Factor = float | jax.Array | tuple[jax.Array, ...]


def at_least_float32(x: jax.Array) -> jax.Array:
    """Returns a floating array in its own dtype, or in float32 if that is narrower."""
    return x.astype(computing_dtype(x.dtype))


def computing_dtype(dtype: jnp.dtype) -> jnp.dtype:
    """Returns the floating dtype to compute in: float32 at least."""
    return dtype if dtype.itemsize >= 4 else jnp.dtype(jnp.float32)


class Place(NamedTuple):
    """A number, as where it falls among the whole numbers.

    Attributes:
        whole: the greatest whole number that is not greater, int32.
        part: the rest, in [0, 1), differentiable in what it was made of.
        nearest: the nearest whole number, of two the even one, int32.
    """

    whole: jax.Array
    part: jax.Array
    nearest: jax.Array


def split(numbers: np.ndarray) -> tuple[jax.Array, ...]:
    """Returns float64 numbers as float32 ones of which they are the sum, for `place`."""
    parts = []
    for _ in range(3):
        parts.append(numbers.astype(np.float32))
        numbers = numbers - parts[-1]
    return tuple(jax.device_put(parts))


def in_float64(factor: Factor) -> jax.Array:
    """Returns a factor in float64, without a derivative; to be called where 64 bits are enabled."""
    parts = factor if isinstance(factor, tuple) else (factor,)
    first, *rest = (lax.convert_element_type(lax.stop_gradient(p), jnp.dtype(jnp.float64)) for p in parts)
    return sum(rest, start=first)


def in_dtype(factor: Factor, dtype: jnp.dtype) -> jax.Array:
    """Returns a factor in a floating dtype."""
    parts = factor if isinstance(factor, tuple) else (factor,)
    first, *rest = (jnp.asarray(part).astype(dtype) for part in parts)
    return sum(rest, start=first)


def place(
    factor: Factor, number: jax.Array, dtype: jnp.dtype, shift: tuple[float, float] = (1.0, 0.0)
) -> Place:
    """Returns `factor * number + (a + factor * b) - 1`, for a shift (a, b), as float64 has it.

    There 0.1 × 30 is 3, and 2²⁴ + 1 is not 2²⁴. In float32 the product would fall short of that from a few
    hundred elements on, and not count them at all from 2²⁴ on. Scalars of 64 bits exist on every platform,
    whatever the user's setting.

    Args:
        factor: a Python float; a floating array; or the arrays whose sum it is.
        number: int32.
        dtype: floating; of the part.
        shift: a and b. The nearest whole number is that of the product alone.
    """
    with jax.enable_x64(True):
        wide = in_float64(factor)
        exact = wide * lax.convert_element_type(number, wide.dtype)
        low = lax.floor(exact)
        nearest = lax.round(exact, lax.RoundingMethod.TO_NEAREST_EVEN)
        rest = exact - low
        if shift != (
            1,
            0,
        ):  # added to the rest: a compiler would not round the product first
            rest = rest + ((shift[0] - 1) + wide * shift[1])
            carry = lax.floor(rest)
            low, rest = low + carry, rest - carry
        part = lax.convert_element_type(rest, dtype)
        whole, nearest = (lax.convert_element_type(a, jnp.dtype(jnp.int32)) for a in (low, nearest))
    if isinstance(factor, jax.Array):  # so is the derivative
        part += (factor - lax.stop_gradient(factor)).astype(dtype) * (number.astype(dtype) + shift[1])
    return Place(whole, part, nearest)
