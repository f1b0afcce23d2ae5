"""How a layer makes a parameter: as Flax does, with checks of what it is made of."""

import jax
from flax import linen as nn
from flax.typing import Dtype, Initializer

from diffsort._arguments import require_an_axis, require_features


def parameter(
    layer: nn.Module, name: str, init: Initializer, shape: tuple[int, ...], dtype: Dtype
) -> jax.Array:
    """Returns a parameter of a layer.

    Raises:
        TypeError: `init` is not a function.
    """
    if not callable(init):
        raise TypeError(f"{name}_init must be an initializer, such as nn.initializers.ones, not {init!r}.")
    return layer.param(name, init, shape, dtype)


def features_of(x: jax.Array, layer: nn.Module, name: str) -> int:
    """Returns the features of `x`, which are the first axis of the parameter `name` of a layer.

    Raises:
        ValueError: the layer was initialised for another number of them, or `x` is a scalar.
    """
    if layer.has_variable("params", name):
        made = nn.meta.unbox(layer.get_variable("params", name))
        require_features(x, made.shape[0], layer)
    return require_an_axis(x).shape[-1]
