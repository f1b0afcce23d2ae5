"""A generator of point sets, one for each class."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from experiments.models.multilayer_perceptron import MultilayerPerceptron


class SetGenerator(nnx.Module):
    """A network that takes noise to a point, told the class.

    Points of a set are drawn independently: a set is a sample of a distribution on the plane.

    Args:
        num_latents: dimensions of the noise.
        num_classes: how many classes there are.
        num_outputs: dimensions of a point.
        widths: features of each hidden layer.
        rngs: random streams; "params" is used.
    """

    def __init__(
        self,
        num_latents: int,
        num_classes: int,
        num_outputs: int,
        *,
        widths: Sequence[int],
        rngs: nnx.Rngs,
    ) -> None:
        self.num_classes = num_classes
        self.network = MultilayerPerceptron([num_latents + num_classes, *widths, num_outputs], rngs=rngs)

    def __call__(self, noise: jax.Array, labels: jax.Array) -> jax.Array:
        """Returns points (b, n, outputs) for noise (b, n, latents) and labels (b,)."""
        classes = jax.nn.one_hot(labels, self.num_classes)[:, None, :]
        told = jnp.broadcast_to(classes, (*noise.shape[:-1], self.num_classes))
        return self.network(jnp.concatenate([noise, told], -1))
