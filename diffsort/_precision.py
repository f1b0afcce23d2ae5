"""Where a result must not be rounded on the way."""

import jax
import jax.numpy as jnp


def at_least_float32(x: jax.Array) -> jax.Array:
    """Returns a floating array in its own dtype, or in float32 if that is narrower."""
    return x if x.dtype.itemsize >= 4 else x.astype(jnp.float32)
