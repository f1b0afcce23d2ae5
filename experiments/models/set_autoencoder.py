"""Autoencoders of point sets: a vector between a pooling and what undoes it."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from diffsort.implementations import ImplementationLike
from diffsort.nnx import FSPool, FSUnpool
from experiments.models.multilayer_perceptron import MultilayerPerceptron


class FSAutoencoder(nnx.Module):
    """FSPool to encode, FSUnpool to decode, which puts each feature back where it was sorted from.

    The decoder has the permutation of the encoder beside the vector, so the loss may compare points by
    their place: no assignment problem.

    Args:
        channels: features of a point.
        num_points: size of the padded sets; not needed here.
        point_widths: layers applied to each point before the pooling, and mirrored after the unpooling.
        num_latents: length of the vector.
        pieces: linear pieces of the weight functions.
        implementation: as in `diffsort.sort`; it must have a permutation.
        rngs: random streams; "params" is used.

    Source: Y. Zhang, J. Hare, A. Prügel-Bennett, FSPool, ICLR 2020, section 4.
    """

    def __init__(
        self,
        channels: int,
        num_points: int,
        *,
        point_widths: Sequence[int],
        num_latents: int,
        pieces: int,
        implementation: ImplementationLike,
        rngs: nnx.Rngs,
    ) -> None:
        del num_points
        width = point_widths[-1]
        small = nnx.initializers.normal(0.1)
        self.encode = MultilayerPerceptron([channels, *point_widths], rngs=rngs)
        self.pool = FSPool(
            width,
            pieces=pieces,
            knots_init=small,
            reduction="sum",
            implementation=implementation,
            rngs=rngs,
        )
        self.squeeze = nnx.Linear(width, num_latents, rngs=rngs)
        self.expand = MultilayerPerceptron([num_latents, width, width], rngs=rngs)
        self.unpool = FSUnpool(width, pieces=pieces, rngs=rngs)
        self.decode = MultilayerPerceptron([width, *reversed(point_widths), channels], rngs=rngs)

    def __call__(self, points: jax.Array, where: jax.Array) -> jax.Array:
        """Returns points (b, n, channels) for points (b, n, channels) and their mask (b, n)."""
        pooled, indices = self.pool(self.encode(points), where, return_indices=True)
        unpooled = self.unpool(self.expand(self.squeeze(pooled)), indices, where)
        return self.decode(unpooled)


class DenseAutoencoder(nnx.Module):
    """A pooling without order to encode, a dense network that gives all points at once to decode.

    Args:
        channels: features of a point.
        num_points: size of the padded sets.
        point_widths: layers applied to each point before the pooling.
        num_latents: length of the vector.
        set_widths: hidden layers of the decoder.
        rngs: random streams; "params" is used.
    """

    def __init__(
        self,
        channels: int,
        num_points: int,
        *,
        point_widths: Sequence[int],
        num_latents: int,
        set_widths: Sequence[int],
        rngs: nnx.Rngs,
    ) -> None:
        self.encode = MultilayerPerceptron([channels, *point_widths], rngs=rngs)
        self.squeeze = nnx.Linear(point_widths[-1], num_latents, rngs=rngs)
        self.decode = MultilayerPerceptron([num_latents, *set_widths, num_points * channels], rngs=rngs)

    def __call__(self, points: jax.Array, where: jax.Array) -> jax.Array:
        """Returns points (b, n, channels) for points (b, n, channels) and their mask (b, n)."""
        features = self.encode(points)
        greatest = jnp.max(features, -2, where=where[..., None], initial=0.0)
        return self.decode(self.squeeze(greatest)).reshape(points.shape)
