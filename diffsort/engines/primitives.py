"""The primitives of the library: a sort, a permutation applied; a selection, its parts taken and put back.

They know nothing of derivatives: those are in `diffsort._manual` and `diffsort.permutations`.
"""

import contextlib
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from diffsort.engines import gathering, library, xla
from diffsort.engines.lowering import make_primitive
from diffsort.engines.xla import reverse_ties

if TYPE_CHECKING:
    from diffsort.engines.engine import Engine

_KERNEL_TYPES = frozenset(
    {jnp.dtype(jnp.bool_), jnp.dtype(jnp.bfloat16)}
    | {jnp.dtype(f"{kind}{bits}") for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
    | {jnp.dtype(f"float{bits}") for bits in (16, 32, 64)}
)


def is_movable(dtype: Any) -> bool:
    """Whether elements are whole bytes: not so for random keys, and for integers and floats of 4 bits."""
    if jnp.issubdtype(dtype, jax.dtypes.extended):
        return False
    return not jnp.dtype(dtype).name.endswith(("int2", "int4", "float4_e2m1fn"))


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
    return _choose(x, indices, axis, values, index_dtype)


def _choose(x: jax.Array, indices: jax.Array, axis: int, values: bool, index_dtype: Any) -> list[jax.Array]:
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
        (indices,) = _sort_natively(
            _widened(x), *masks, values=False, index_dtype=index_dtype or jnp.dtype(jnp.int32), **order
        )
        return _choose(x, indices, x.ndim - 1 - trailing, values, index_dtype)
    types = [x.dtype] * values + ([] if index_dtype is None else [index_dtype])
    out = [jax.ShapeDtypeStruct(x.shape, t) for t in types]
    asked_for = {"values": values, "indices": index_dtype is not None}
    return jax.ffi.ffi_call(library.SORT, out)(*operands, **order, **asked_for)


def _widened(x: jax.Array) -> jax.Array:
    return x.astype(jnp.float32 if jnp.issubdtype(x.dtype, jnp.floating) else jnp.int32)


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


# The selection: x[, where] -> values, indices: of the sort's results the ranks from `start` up to `stop`.


def _select_avals(x: Any, *_: Any, trailing: int, start: int, stop: int, **__: Any) -> list[Any]:
    selected = x.update(shape=_with_length(x.shape, trailing, stop - start))
    return [selected, selected.update(dtype=jnp.dtype(jnp.int32), weak_type=False)]


def _with_length(shape: tuple[int, ...], trailing: int, length: int) -> tuple[int, ...]:
    axis = len(shape) - 1 - trailing
    return (*shape[:axis], length, *shape[axis + 1 :])


def _select_portably(
    *operands: jax.Array,
    trailing: int,
    start: int,
    stop: int,
    descending: bool,
    ties_reversed: bool,
    engine: "Engine",
) -> list[jax.Array]:
    axis = operands[0].ndim - 1 - trailing
    order: dict[str, Any] = {"descending": descending, "ties_reversed": ties_reversed}

    def by_sorting(*operands: jax.Array) -> jax.Array:
        kept: dict[str, Any] = {"values": False, "index_dtype": jnp.dtype(jnp.int32), "engine": engine}
        (indices,) = _sort_portably(*operands, trailing=trailing, **order, **kept)
        return lax.slice_in_dim(indices, start, stop, axis=axis)

    by_top_k = functools.partial(xla.select_at_an_end, axis=axis, start=start, stop=stop, **order)
    if engine.find is xla.argsort and xla.is_selected_by_top_k(*operands, axis=axis, start=start, stop=stop):
        indices = lax.platform_dependent(*operands, cpu=by_sorting, default=by_top_k)
    else:
        indices = by_sorting(*operands)
    return [gathering.gather(operands[0], indices, axis), indices]


def _select_natively(
    *operands: jax.Array, trailing: int, start: int, stop: int, descending: bool, ties_reversed: bool
) -> Sequence[jax.Array]:
    x, *masks = operands
    order: dict[str, Any] = {
        "trailing": trailing,
        "start": start,
        "stop": stop,
        "descending": descending,
        "ties_reversed": ties_reversed,
    }
    if x.dtype not in _KERNEL_TYPES:
        _, indices = _select_natively(_widened(x), *masks, **order)
        return [gathering.gather(x, indices, x.ndim - 1 - trailing), indices]
    shape = _with_length(x.shape, trailing, stop - start)
    out = [jax.ShapeDtypeStruct(shape, t) for t in (x.dtype, jnp.int32)]
    return jax.ffi.ffi_call(library.SELECT, out)(*operands, **order)


# What a selection does to a tangent: x, indices -> the elements of x there. To a cotangent: values, indices
# -> an array of some length, 0 where no index points. No index is there twice.


def _take_avals(x: Any, indices: Any, **_: Any) -> list[Any]:
    return [x.update(shape=indices.shape)]


def _take(x: jax.Array, indices: jax.Array, *, trailing: int, **_: Any) -> list[jax.Array]:
    return [gathering.gather(x, indices, x.ndim - 1 - trailing)]


def _put_avals(values: Any, indices: Any, *, trailing: int, length: int, **_: Any) -> list[Any]:
    del indices
    return [values.update(shape=_with_length(values.shape, trailing, length))]


def _put_portably(
    values: jax.Array, indices: jax.Array, *, trailing: int, length: int, **_: Any
) -> list[jax.Array]:
    return [gathering.scatter(values, indices, values.ndim - 1 - trailing, length)]


def _put_natively(
    values: jax.Array, indices: jax.Array, *, trailing: int, length: int
) -> Sequence[jax.Array]:
    if not is_movable(values.dtype):
        return _put_portably(values, indices, trailing=trailing, length=length)
    out = [jax.ShapeDtypeStruct(_with_length(values.shape, trailing, length), values.dtype)]
    return jax.ffi.ffi_call(library.PUT, out)(values, indices, trailing=trailing)


sort_p = make_primitive("diffsort_sort", _sort_avals, _sort_natively, _sort_portably)
permute_p = make_primitive("diffsort_permute", _permute_avals, _permute_natively, _permute_portably)
select_p = make_primitive("diffsort_select", _select_avals, _select_natively, _select_portably)
take_p = make_primitive("diffsort_take", _take_avals, _take, _take)
put_p = make_primitive("diffsort_put", _put_avals, _put_natively, _put_portably)
