"""Where a result must not be rounded on the way."""

import jax
import jax.numpy as jnp


def at_least_float32(x: jax.Array) -> jax.Array:
    """Returns a floating array in its own dtype, or in float32 if that is narrower."""
    return x.astype(computing_dtype(x.dtype))


def computing_dtype(dtype: jnp.dtype) -> jnp.dtype:
    """Returns the floating dtype to compute in: float32 at least."""
    return dtype if dtype.itemsize >= 4 else jnp.dtype(jnp.float32)
