"""The poolings that sorting is compared with: one symmetric function of the points each.

They share the signature of `diffsort.nnx.FSPool`: built for a number of features, called with a mask or, but
for attention, with segments.
"""

from abc import ABC, abstractmethod

import jax
import jax.numpy as jnp
from flax import nnx


class ParameterFreePool(nnx.Module, ABC):
    """A pooling with nothing to learn."""

    def __init__(self, num_features: int, *, rngs: nnx.Rngs) -> None:
        del num_features, rngs

    def __call__(
        self,
        x: jax.Array,
        where: jax.Array | None = None,
        *,
        segment_ids: jax.Array | None = None,
        num_segments: int | None = None,
    ) -> jax.Array:
        """Pools `x` (..., n, c) over the points that `where` (..., n) keeps, to (..., c).

        Or `x` (n, c) over the points of each segment, to (num_segments, c).
        """
        if segment_ids is not None:
            return self.of_segments(x, segment_ids, num_segments)
        return self.of_sets(x, jnp.ones(x.shape[:-1], bool) if where is None else where)

    @abstractmethod
    def of_sets(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Pools sets of one size."""

    @abstractmethod
    def of_segments(self, x: jax.Array, ids: jax.Array, number: int | None) -> jax.Array:
        """Pools sets of different sizes."""


class MaxPool(ParameterFreePool):
    """Greatest value of each feature; 0 for an empty set."""

    def of_sets(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Takes the maximum."""
        greatest = jnp.max(x, -2, where=where[..., None], initial=-jnp.inf)
        return jnp.where(jnp.any(where, -1, keepdims=True), greatest, 0.0)

    def of_segments(self, x: jax.Array, ids: jax.Array, number: int | None) -> jax.Array:
        """Takes the mean of those that are greatest, which share the gradient as those of a maximum do."""
        greatest = jax.ops.segment_max(jax.lax.stop_gradient(x), ids, number)
        is_greatest = x == jnp.take(greatest, ids, 0, mode="fill", fill_value=jnp.nan)
        total = jax.ops.segment_sum(jnp.where(is_greatest, x, 0.0), ids, number)
        count = jax.ops.segment_sum(is_greatest.astype(x.dtype), ids, number)
        return total / jnp.maximum(count, 1)


class SumPool(ParameterFreePool):
    """Sum of each feature."""

    def of_sets(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Takes the sum."""
        return jnp.sum(x, -2, where=where[..., None])

    def of_segments(self, x: jax.Array, ids: jax.Array, number: int | None) -> jax.Array:
        """Takes the sum."""
        return jax.ops.segment_sum(x, ids, number)


class MeanPool(ParameterFreePool):
    """Mean of each feature; 0 for an empty set."""

    def of_sets(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Takes the mean."""
        count = jnp.maximum(jnp.sum(where, -1, keepdims=True), 1)
        return jnp.sum(x, -2, where=where[..., None]) / count.astype(x.dtype)

    def of_segments(self, x: jax.Array, ids: jax.Array, number: int | None) -> jax.Array:
        """Takes the mean."""
        count = jax.ops.segment_sum(jnp.ones_like(ids), ids, number)[:, None]
        return jax.ops.segment_sum(x, ids, number) / jnp.maximum(count, 1).astype(x.dtype)


class AttentionPool(nnx.Module):
    """Pooling by multihead attention (PMA) with one seed vector; 0 for an empty set.

    A learned seed attends to the points: H = norm(S + attention(S, f(X), f(X))), output norm(H + f'(H)),
    with feed-forward layers f, f'.

    Args:
        num_features: features of a point.
        num_heads: attention heads; must divide `num_features`.
        rngs: random streams; "params" is used.

    Source: J. Lee et al., Set Transformer, ICML 2019, section 3.2.
    """

    def __init__(self, num_features: int, *, num_heads: int = 4, rngs: nnx.Rngs) -> None:
        glorot = nnx.initializers.xavier_uniform()
        self.seed = nnx.Param(glorot(rngs.params(), (1, num_features), jnp.float32))
        self.prepare = nnx.Linear(num_features, num_features, rngs=rngs)
        self.attend = nnx.MultiHeadAttention(
            num_heads=num_heads, in_features=num_features, decode=False, rngs=rngs
        )
        self.refine = nnx.Linear(num_features, num_features, rngs=rngs)
        self.norm_attended = nnx.LayerNorm(num_features, rngs=rngs)
        self.norm_refined = nnx.LayerNorm(num_features, rngs=rngs)

    def __call__(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Pools `x` (..., n, c) over the points that `where` (..., n) keeps, to (..., c)."""
        x = jnp.where(where[..., None], x, 0.0)
        seed = jnp.broadcast_to(self.seed[...], (*x.shape[:-2], *self.seed.shape))
        keys = nnx.relu(self.prepare(x))
        attended = self.attend(seed, keys, mask=where[..., None, None, :])
        hidden = self.norm_attended(seed + attended)
        pooled = self.norm_refined(hidden + nnx.relu(self.refine(hidden)))
        return jnp.where(jnp.any(where, -1, keepdims=True), pooled[..., 0, :], 0.0)
