"""Batching for functions that choose by size what to do."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from diffsort import sharding


def over_leading_axes(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Lets `jax.vmap` call `function` with one more leading axis, in place of rewriting what it chose.

    Args:
        function: takes arrays of one shape, returns another, and works along the last axis alone.

    Returns:
        The same function, with a batching rule of its own.
    """
    batched = jax.custom_batching.custom_vmap(function)

    @batched.def_vmap
    def rule(axis_size: int, in_batched: list[bool], *arrays: jax.Array) -> tuple[jax.Array, bool]:
        full = [
            a if is_batched else jnp.broadcast_to(a, (axis_size, *a.shape))
            for a, is_batched in zip(arrays, in_batched, strict=True)
        ]
        # The new axis may be split between devices.
        return sharding.on_shards(over_leading_axes(function), full[0].ndim - 1, *full), True

    return batched
