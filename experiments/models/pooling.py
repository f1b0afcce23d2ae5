"""The poolings that sorting is compared with: one symmetric function of the points each.

They share the signature of `diffsort.nnx.FSPool`: built for a number of features, called with a mask.
"""

import jax
import jax.numpy as jnp
from flax import nnx


class ParameterFreePool(nnx.Module):
    """A pooling with nothing to learn."""

    def __init__(self, num_features: int, *, rngs: nnx.Rngs) -> None:
        del num_features, rngs


class MaxPool(ParameterFreePool):
    """Greatest value of each feature; 0 for an empty set."""

    def __call__(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Pools `x` (..., n, c) over the points that `where` (..., n) keeps, to (..., c)."""
        greatest = jnp.max(x, -2, where=where[..., None], initial=-jnp.inf)
        return jnp.where(jnp.any(where, -1, keepdims=True), greatest, 0.0)


class SumPool(ParameterFreePool):
    """Sum of each feature."""

    def __call__(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Pools `x` (..., n, c) over the points that `where` (..., n) keeps, to (..., c)."""
        return jnp.sum(x, -2, where=where[..., None])


class MeanPool(ParameterFreePool):
    """Mean of each feature; 0 for an empty set."""

    def __call__(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Pools `x` (..., n, c) over the points that `where` (..., n) keeps, to (..., c)."""
        count = jnp.maximum(jnp.sum(where, -1, keepdims=True), 1)
        return jnp.sum(x, -2, where=where[..., None]) / count.astype(x.dtype)


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
