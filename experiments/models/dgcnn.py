"""DGCNN: graph convolutions, SortPooling, and a convolution over the sorted points."""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from diffsort.implementations import ImplementationLike, get_implementation
from diffsort.nnx import SortPooling
from experiments.models.multilayer_perceptron import MultilayerPerceptron


class DGCNN(nnx.Module):
    """Classifies point sets as graphs, in which points within a radius are neighbours.

    A graph convolution takes the mean over a point's neighbourhood, then a dense layer: tanh(D⁻¹ A X W + b).
    The features of all of them are joined, the points sorted by the last one (a single channel, learned to
    order them), and the first k read by a one-dimensional convolution.

    Args:
        channels: features of a point; the first two are its position.
        num_outputs: numbers to return for a set, as scores of classes.
        num_points: size of the padded sets, if it is known: `k` must not exceed it.
        radius: distance in the units of the positions up to which points are neighbours.
        graph_widths: features of each graph convolution; a last one of width 1 follows.
        k: points kept by SortPooling; at least 8, so that the convolution fits.
        convolution_widths: features of the dense layer on each sorted point, and of the convolution.
        set_widths: hidden layers that end the network.
        implementation: as in `diffsort.sort`.
        rngs: random streams; "params" is used.

    Raises:
        ValueError: `k` is too small or too large, or `implementation` is unknown or has no permutation.

    Source: M. Zhang, Z. Cui, M. Neumann, Y. Chen, An End-to-End Deep Learning Architecture for Graph
    Classification, AAAI 2018. Its dropout is left out.
    """

    def __init__(
        self,
        channels: int,
        num_outputs: int,
        num_points: int | None = None,
        *,
        radius: float,
        graph_widths: Sequence[int],
        k: int,
        convolution_widths: tuple[int, int],
        set_widths: Sequence[int],
        implementation: ImplementationLike = "manual",
        rngs: nnx.Rngs,
    ) -> None:
        if k < 8:
            raise ValueError(f"k={k} must be at least 8, so that the convolution fits the sorted points.")
        if num_points is not None and k > num_points:
            raise ValueError(
                f"model.k={k} is more than the {num_points} points of the largest set; "
                f"write model.k={num_points} or less."
            )
        get_implementation(implementation).permutation()  # refused here, not in the first step
        widths = [channels, *graph_widths, 1]
        self.radius = radius
        self.graph = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(widths)])
        self.pool = SortPooling(k, implementation=implementation)
        each, window = convolution_widths
        self.each = nnx.Linear(sum(widths[1:]), each, rngs=rngs)
        self.window = nnx.Conv(each, window, kernel_size=4, padding="VALID", rngs=rngs)
        read = (k // 2 - 3) * window
        self.classify = MultilayerPerceptron(read, num_outputs, widths=set_widths, rngs=rngs)

    def __call__(self, points: jax.Array, where: jax.Array) -> jax.Array:
        """Returns outputs (batch, num_outputs) for points (batch, n, channels), mask (batch, n)."""
        x = jnp.where(where[..., None], points, 0.0)
        propagation = _propagation(x[..., :2], where, self.radius)
        features = []
        for dense in self.graph:
            x = nnx.tanh(dense(propagation @ x))
            features.append(x)
        ordered = self.pool(jnp.concatenate(features, -1), where)
        x = nnx.max_pool(nnx.relu(self.each(ordered)), (2,), strides=(2,))
        x = nnx.relu(self.window(x))
        return self.classify(x.reshape(*x.shape[:-2], -1))


def _propagation(positions: jax.Array, where: jax.Array, radius: float) -> jax.Array:
    """Returns the row-normalised adjacency, each point its own neighbour, shape (..., n, n)."""
    offsets = positions[..., :, None, :] - positions[..., None, :, :]
    near = jnp.sum(offsets**2, -1) <= radius**2
    adjacency = (near & where[..., :, None] & where[..., None, :]).astype(positions.dtype)
    return adjacency / jnp.maximum(jnp.sum(adjacency, -1, keepdims=True), 1.0)
