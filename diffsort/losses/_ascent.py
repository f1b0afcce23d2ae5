"""Gradient ascent on the sphere, without a step size to choose."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from diffsort._sharding import match_varying

_State = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


def ascend(heights: Callable[[jax.Array], jax.Array], start: jax.Array, steps: int) -> jax.Array:
    """Returns directions at which `heights` is as great as at `start`, or greater.

    Each step goes along the great circle of the gradient. Where that gains, the next angle is greater; where
    it does not, the direction is kept and the angle halved.

    Args:
        heights: of directions (..., d), shape (...), each of its own direction alone.
        start: directions of length 1.
        steps: how often to try.
    """
    if not steps:
        return start

    def measure(directions: jax.Array) -> tuple[jax.Array, jax.Array]:
        height, pull_back = jax.vjp(heights, directions)
        (gradient,) = pull_back(jnp.ones_like(height))
        along = jnp.sum(gradient * directions, -1, keepdims=True) * directions
        return height, _unit(gradient - along)

    def step(_: int, state: _State) -> _State:
        directions, height, uphill, angle = state
        turned = _unit(jnp.cos(angle)[..., None] * directions + jnp.sin(angle)[..., None] * uphill)
        new_height, new_uphill = measure(turned)
        is_higher = new_height > height
        moved = is_higher[..., None]
        return (
            jnp.where(moved, turned, directions),
            jnp.where(is_higher, new_height, height),
            jnp.where(moved, new_uphill, uphill),
            jnp.where(is_higher, jnp.minimum(1.5 * angle, 1), angle / 2),
        )

    height, uphill = measure(start)
    directions, height, uphill, angle = match_varying(start, height, uphill, jnp.full_like(height, 0.5))
    return lax.fori_loop(0, steps, step, (directions, height, uphill, angle))[0]


def _unit(vectors: jax.Array) -> jax.Array:
    length = jnp.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / jnp.maximum(length, jnp.finfo(vectors.dtype).tiny)
