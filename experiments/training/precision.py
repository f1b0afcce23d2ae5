"""What a model computes in: its parameters are kept in float32, whatever that is."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

PRECISIONS = ("float32", "bfloat16")


def model_in(precision: str, graph: nnx.GraphDef, parameters: nnx.State) -> Any:
    """Returns the model, computing in a precision: for what it is given and returns that is float32.

    Losses, and the gradients of the parameters, are float32.

    Args:
        precision: one of `PRECISIONS`.
        graph: the model without its parameters.
        parameters: float32.
    """
    if precision == "float32":
        return nnx.merge(graph, parameters)
    dtype = jnp.dtype(precision)
    return _Computing(nnx.merge(graph, _cast(parameters, jnp.float32, dtype)), dtype)


class _Computing:
    """A model between two casts."""

    def __init__(self, model: Any, dtype: jnp.dtype) -> None:
        self._model, self._dtype = model, dtype

    def __call__(self, *inputs: Any) -> Any:
        return _cast(self._model(*_cast(inputs, jnp.float32, self._dtype)), self._dtype, jnp.float32)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def _cast(tree: Any, of: Any, to: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(to) if leaf.dtype == of else leaf, tree)
