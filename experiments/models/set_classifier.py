"""A classifier of point sets: a network for each point, a pooling over the set, a network for the set."""

from collections.abc import Callable, Sequence
from typing import Protocol

import jax
from flax import nnx

from experiments.models.multilayer_perceptron import MultilayerPerceptron


class Pooling(Protocol):
    """Turns a set of features into one vector, whatever the order of the points."""

    def __call__(self, x: jax.Array, where: jax.Array) -> jax.Array:
        """Pools `x` (..., n, c) over the points that `where` (..., n) keeps, to (..., c)."""


class SetClassifier(nnx.Module):
    """Deep Sets with a pooling of choice.

    Args:
        channels: features of a point.
        num_outputs: numbers to return for a set, as scores of classes.
        pooling: builds the pooling for a number of features: `pooling(num_features, rngs=rngs)`.
        point_widths: layers applied to each point.
        set_widths: hidden layers applied to the pooled set.
        rngs: random streams; "params" is used.

    Source: M. Zaheer et al., Deep Sets, NeurIPS 2017.
    """

    def __init__(
        self,
        channels: int,
        num_outputs: int,
        *,
        pooling: Callable[..., Pooling],
        point_widths: Sequence[int],
        set_widths: Sequence[int],
        rngs: nnx.Rngs,
    ) -> None:
        self.encode = MultilayerPerceptron([channels, *point_widths], rngs=rngs)
        self.pool = pooling(point_widths[-1], rngs=rngs)
        self.classify = MultilayerPerceptron([point_widths[-1], *set_widths, num_outputs], rngs=rngs)

    def __call__(self, points: jax.Array, where: jax.Array) -> jax.Array:
        """Returns outputs (batch, num_outputs) for points (batch, n, channels), mask (batch, n)."""
        return self.classify(self.pool(self.encode(points), where))
