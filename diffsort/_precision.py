"""Where a result must not be rounded on the way."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def at_least_float32(x: jax.Array) -> jax.Array:
    """Returns a floating array in its own dtype, or in float32 if that is narrower."""
    return x.astype(computing_dtype(x.dtype))


def computing_dtype(dtype: jnp.dtype) -> jnp.dtype:
    """Returns the floating dtype to compute in: float32 at least."""
    return dtype if dtype.itemsize >= 4 else jnp.dtype(jnp.float32)


class Place(NamedTuple):
    """A product of a factor and a whole number, as where it falls among the whole numbers.

    Attributes:
        whole: the greatest whole number that is not greater, int32.
        part: the rest, in [0, 1), differentiable in the factor.
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


def place(factor: float | jax.Array | tuple[jax.Array, ...], number: jax.Array, dtype: jnp.dtype) -> Place:
    """Returns `factor * number` as float64 has it, in which 0.1 × 30 is 3 and 2²⁴ + 1 is not 2²⁴.

    In float32 the product would fall short of that from a few hundred elements on, and not count them at all
    from 2²⁴ on. Scalars of 64 bits exist on every platform, whatever the user's setting.

    Args:
        factor: a Python float; a floating array; or the arrays whose sum it is.
        number: int32.
        dtype: floating; of the part.
    """
    parts = factor if isinstance(factor, tuple) else (factor,)
    with jax.enable_x64(True):
        wide = jnp.dtype(jnp.float64)
        first, *rest = (lax.convert_element_type(lax.stop_gradient(p), wide) for p in parts)
        exact = sum(rest, start=first) * lax.convert_element_type(number, wide)
        low = lax.floor(exact)
        nearest = lax.round(exact, lax.RoundingMethod.TO_NEAREST_EVEN)
        part = lax.convert_element_type(exact - low, dtype)
        whole, nearest = (lax.convert_element_type(a, jnp.dtype(jnp.int32)) for a in (low, nearest))
    if isinstance(factor, jax.Array):  # so is the derivative
        part += (factor - lax.stop_gradient(factor)).astype(dtype) * number.astype(dtype)
    return Place(whole, part, nearest)
