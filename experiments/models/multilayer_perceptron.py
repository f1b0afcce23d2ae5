"""Dense layers, one after the other."""

import functools
import itertools
from collections.abc import Callable, Sequence

import jax
from flax import nnx

from diffsort.activations import full_sort, group_sort, max_min
from diffsort.implementations import ImplementationLike
from diffsort.nnx import OrthogonalDense

Activation = Callable[[jax.Array], jax.Array]


class MultilayerPerceptron(nnx.Module):
    """Dense layers with an activation between them, on the last axis.

    Args:
        num_features: features of the input.
        num_outputs: features of the output.
        widths: features of each hidden layer.
        activation: what comes between layers.
        dense: builds a layer: `dense(in_features, out_features, rngs=rngs)`.
        rngs: random streams; "params" is used.
    """

    def __init__(
        self,
        num_features: int,
        num_outputs: int,
        *,
        widths: Sequence[int],
        activation: Activation = nnx.relu,
        dense: Callable[..., nnx.Module] = nnx.Linear,
        rngs: nnx.Rngs,
    ) -> None:
        sizes = itertools.pairwise([num_features, *widths, num_outputs])
        self.layers = nnx.List([dense(a, b, rngs=rngs) for a, b in sizes])
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        """Returns features (..., num_outputs) for features (..., num_features)."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class LipschitzNetwork(MultilayerPerceptron):
    """A 1-Lipschitz network: orthogonal layers, and an activation that is 1-Lipschitz too.

    Args:
        num_features: features of the input.
        num_outputs: features of the output.
        widths: features of each hidden layer.
        activation: "relu", "max_min", "group_sort" or "full_sort".
        group_size: of group_sort; divides the widths.
        implementation: as in `diffsort.sort`.
        rngs: random streams; "params" is used.

    Raises:
        ValueError: there is no such activation, or `group_size` does not fit.

    Source: C. Anil, J. Lucas, R. Grosse, Sorting out Lipschitz function approximation, ICML 2019.
    """

    def __init__(
        self,
        num_features: int,
        num_outputs: int,
        *,
        widths: Sequence[int],
        activation: str,
        group_size: int,
        implementation: ImplementationLike,
        rngs: nnx.Rngs,
    ) -> None:
        activations: dict[str, Activation] = {
            "relu": nnx.relu,
            "max_min": max_min,
            "group_sort": functools.partial(group_sort, group_size=group_size, implementation=implementation),
            "full_sort": functools.partial(full_sort, implementation=implementation),
        }
        if activation not in activations:
            raise ValueError(f"activation={activation} is none of {', '.join(activations)}.")
        if activation == "group_sort" and any(width % group_size for width in widths):
            raise ValueError(f"group_size={group_size} does not divide all of widths={list(widths)}.")
        super().__init__(
            num_features,
            num_outputs,
            widths=widths,
            activation=activations[activation],
            dense=OrthogonalDense,
            rngs=rngs,
        )
