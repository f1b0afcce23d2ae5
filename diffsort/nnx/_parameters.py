"""How a layer makes a parameter: as Flax does, with checks of what it is made of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax
from flax import nnx
from flax.typing import Dtype, Initializer

Metadata = Mapping[str, Any]
NO_METADATA: Metadata = MappingProxyType({})


def parameter(
    name: str, init: Initializer, shape: tuple[int, ...], dtype: Dtype, metadata: Metadata, rngs: nnx.Rngs
) -> nnx.Param[jax.Array]:
    """Returns a parameter, with `metadata` for `nnx.Param`.

    Raises:
        TypeError: `rngs` is not nnx.Rngs, `init` not a function, or `metadata` not a mapping.
    """
    if not isinstance(rngs, nnx.Rngs):
        what, fix = ("a key", "key") if isinstance(rngs, jax.Array) else (repr(rngs), "0")
        raise TypeError(f"rngs must be nnx.Rngs, not {what}: pass rngs=nnx.Rngs({fix}).")
    if not callable(init):
        raise TypeError(f"{name}_init must be an initializer, such as nnx.initializers.ones, not {init!r}.")
    if not isinstance(metadata, Mapping):
        raise TypeError(f"{name}_metadata must be a mapping of keywords of nnx.Param, not {metadata!r}.")
    return nnx.Param(init(rngs.params(), shape, dtype), **metadata)
