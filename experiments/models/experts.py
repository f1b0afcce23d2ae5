"""Deep Sets whose points go through a sparse mixture of experts."""

from collections.abc import Callable, Sequence

import jax
from flax import nnx

from diffsort.implementations import ImplementationLike, get_implementation
from diffsort.nnx import MixtureOfExperts
from experiments.models.multilayer_perceptron import MultilayerPerceptron


class ExpertClassifier(nnx.Module):
    """A layer for each point, experts that a router chooses for it, a pooling, a network for the set.

    Points of all sets are dispatched together; those that are masked go to no expert.

    Args:
        channels: features of a point.
        num_outputs: numbers to return for a set, as scores of classes.
        num_points: size of the padded sets; not needed here.
        pooling: builds the pooling for a number of features: `pooling(num_features, rngs=rngs)`.
        point_widths: features of a point before the experts, within one, and after.
        num_experts: how many experts there are.
        num_selected: how many of them a point goes to.
        set_widths: hidden layers applied to the pooled set.
        implementation: as in `diffsort.sort`; it must have a permutation.
        rngs: random streams; "params" is used.
    """

    def __init__(
        self,
        channels: int,
        num_outputs: int,
        num_points: int | None = None,
        *,
        pooling: Callable[..., nnx.Module],
        point_widths: Sequence[int],
        num_experts: int,
        num_selected: int,
        set_widths: Sequence[int],
        implementation: ImplementationLike,
        rngs: nnx.Rngs,
    ) -> None:
        del num_points
        if len(point_widths) != 3:
            raise ValueError(
                f"point_widths={list(point_widths)} must be three: before, within and after the experts."
            )
        get_implementation(implementation).permutation()  # refused here, not in the first step
        before, within, after = point_widths
        self.prepare = nnx.Linear(channels, before, rngs=rngs)
        self.experts = MixtureOfExperts(
            before,
            after,
            num_experts,
            hidden_features=within,
            num_selected=num_selected,
            activation=nnx.relu,
            implementation=implementation,
            rngs=rngs,
        )
        self.pool = pooling(after, rngs=rngs)
        self.classify = MultilayerPerceptron(after, num_outputs, widths=set_widths, rngs=rngs)

    def __call__(self, points: jax.Array, where: jax.Array) -> jax.Array:
        """Returns outputs (batch, num_outputs) for points (batch, n, channels), mask (batch, n)."""
        return self.classify(self.pool(self.experts(nnx.relu(self.prepare(points)), where), where))
