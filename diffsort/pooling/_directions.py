"""Directions: vectors whose length does not count."""

import jax
import jax.numpy as jnp
from jax import lax

from diffsort._precision import at_least_float32


def unit(v: jax.Array) -> jax.Array:
    """Returns `v` divided by its 2-norm along the first axis; 0 stays 0, with a finite gradient."""
    wide = at_least_float32(v)
    # The result does not depend on a scale, so neither does the gradient; and squares stay in range.
    largest = lax.stop_gradient(jnp.max(jnp.abs(wide), 0, keepdims=True))
    wide = wide / jnp.where(largest > 0, largest, jnp.ones_like(largest))
    square = jnp.sum(wide**2, 0, keepdims=True)
    length = jnp.sqrt(jnp.where(square > 0, square, jnp.ones_like(square)))
    return (wide / length).astype(v.dtype)
