"""The two primitives of the library: a sort, and a permutation applied.

They know nothing of derivatives: those are in `diffsort._manual` and `diffsort.permutations`.
"""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from diffsort.engines import gathering, library
from diffsort.engines.lowering import make_primitive
from diffsort.engines.xla import reverse_ties

if TYPE_CHECKING:
    from diffsort.engines.engine import Engine

_KERNEL_TYPES = frozenset(
    {jnp.dtype(jnp.bool_), jnp.dtype(jnp.bfloat16)}
    | {jnp.dtype(f"{kind}{bits}") for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
    | {jnp.dtype(f"float{bits}") for bits in (16, 32, 64)}
)


# The sort: x[, where] -> [values][, indices]. The axis counts from the end: batches come in front of it.


def _sort_avals(x: Any, *_: Any, values: bool, index_dtype: Any, **__: Any) -> list[Any]:
    kept = [x] if values else []
    return kept + ([] if index_dtype is None else [x.update(dtype=index_dtype, weak_type=False)])


def _sort_portably(
    *operands: jax.Array,
    trailing: int,
    values: bool,
    index_dtype: Any,
    descending: bool,
    ties_reversed: bool,
    engine: "Engine",
) -> list[jax.Array]:
    x, *masks = operands
    where = masks[0] if masks else None
    axis = x.ndim - 1 - trailing
    find = reverse_ties(engine.find) if ties_reversed else engine.find
    # Keys of 64 bits may be packed of narrower ones, where the user has none.
    with jax.enable_x64(True) if x.dtype.itemsize > 4 else contextlib.nullcontext():
        indices = find(x, axis=axis, descending=descending, where=where)
    if indices.shape != x.shape or not jnp.issubdtype(indices.dtype, jnp.integer):
        raise ValueError(
            f"engine {engine.name!r} made {indices.dtype}{list(indices.shape)} of {x.dtype}{list(x.shape)}: "
            "an argsort returns integers of the shape that it is given."
        )
    return _select(x, indices, axis, values, index_dtype)


def _select(x: jax.Array, indices: jax.Array, axis: int, values: bool, index_dtype: Any) -> list[jax.Array]:
    """What of values and indices is asked for."""
    kept = [gathering.gather(x, indices, axis)] if values else []
    return kept + ([] if index_dtype is None else [indices.astype(index_dtype)])


def _sort_natively(
    *operands: jax.Array,
    trailing: int,
    values: bool,
    index_dtype: Any,
    descending: bool,
    ties_reversed: bool,
) -> Sequence[jax.Array]:
    x, *masks = operands
    order: dict[str, Any] = {"trailing": trailing, "descending": descending, "ties_reversed": ties_reversed}
    if x.dtype not in _KERNEL_TYPES:  # 8-bit floats and the like order as wider ones do
        wide = x.astype(jnp.float32 if jnp.issubdtype(x.dtype, jnp.floating) else jnp.int32)
        (indices,) = _sort_natively(
            wide, *masks, values=False, index_dtype=index_dtype or jnp.dtype(jnp.int32), **order
        )
        return _select(x, indices, x.ndim - 1 - trailing, values, index_dtype)
    types = [x.dtype] * values + ([] if index_dtype is None else [index_dtype])
    out = [jax.ShapeDtypeStruct(x.shape, t) for t in types]
    asked_for = {"values": values, "indices": index_dtype is not None}
    return jax.ffi.ffi_call(library.SORT, out)(*operands, **order, **asked_for)


# The permutation: x, indices -> out. Untrusted indices may be any: see `diffsort.permute` for what they do.


def _permute_avals(x: Any, indices: Any, **_: Any) -> list[Any]:
    del indices
    return [x]


def _permute_portably(
    x: jax.Array, indices: jax.Array, *, trailing: int, inverse: bool, is_trusted: bool, engine: "Engine"
) -> list[jax.Array]:
    del engine  # engines find permutations in different ways; in XLA all move arrays in this one
    return [gathering.move(x, indices, x.ndim - 1 - trailing, inverse=inverse, is_trusted=is_trusted)]


def _permute_natively(
    x: jax.Array, indices: jax.Array, *, trailing: int, inverse: bool, is_trusted: bool
) -> Sequence[jax.Array]:
    out = [jax.ShapeDtypeStruct(x.shape, x.dtype)]
    attributes = {"trailing": trailing, "inverse": inverse, "trusted": is_trusted}
    return jax.ffi.ffi_call(library.PERMUTE, out)(x, indices, **attributes)


sort_p = make_primitive("diffsort_sort", _sort_avals, _sort_natively, _sort_portably)
permute_p = make_primitive("diffsort_permute", _permute_avals, _permute_natively, _permute_portably)
