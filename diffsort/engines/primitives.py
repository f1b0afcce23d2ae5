"""The two primitives of the library: a sort, and a permutation applied.

What runs is decided when a program is lowered: the kernel on CPU; plain XLA everywhere else, and in an
export, which must not depend on a library. The primitives know nothing of derivatives: those are in
`diffsort._manual` and `diffsort.permutations`.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from diffsort import _sharding
from diffsort.engines import gathering, library
from diffsort.engines._partitioning import divide, is_divided, require_devices
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


def _primitive(
    name: str, avals: Callable[..., Any], natively: Callable[..., Any], portably: Callable[..., Any]
) -> Primitive:
    """A primitive that is `natively` computed on CPU and `portably` elsewhere, batched by leading axes.

    Its parameter `engine` decides: one that does not use the kernel is lowered `portably` everywhere, and
    "native" is refused where there is no CPU.
    """
    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_abstract_eval(avals)

    @primitive.def_impl
    def impl(*operands: jax.Array, **params: Any) -> Any:  # under jax.disable_jit
        # To find a NaN, JAX would take apart what is compiled here, and come here again.
        with jax.disable_jit(False), jax.debug_nans(False), jax.debug_infs(False):
            out = jax.jit(functools.partial(primitive.bind, **params))(*operands)
        _check_numbers(name, out)
        return out

    def batch(operands: Sequence[jax.Array], axes: Sequence[int | None], **params: Any) -> Any:
        size = next(o.shape[a] for o, a in zip(operands, axes, strict=True) if a is not None)
        fronted = [
            jnp.broadcast_to(o, (size, *o.shape)) if a is None else jnp.moveaxis(o, a, 0)
            for o, a in zip(operands, axes, strict=True)
        ]
        # The new axis may be split between devices.
        whole = fronted[0].ndim - 1 - params["trailing"]
        out = _sharding.on_shards(functools.partial(primitive.bind, **params), whole, *fronted)
        return out, [0] * len(out)

    def in_parts(*operands: jax.Array, **params: Any) -> Sequence[jax.Array]:
        results = len(avals(*map(jax.typeof, operands), **params))
        return divide(functools.partial(natively, **params), operands, results, params["trailing"])

    lower_natively, lower_in_parts, lower_portably = map(mlir.lower_fun, (natively, in_parts, portably))

    def lower_for_cpu(context: Any, *operands: Any, engine: "Engine", **params: Any) -> Any:
        if context.module_context.lowering_parameters.for_export:
            if engine.name == "native":
                warnings.warn(_IN_AN_EXPORT, stacklevel=2)
        elif engine.uses_kernel and library.why_unavailable() is None:
            in_many = is_divided(context)
            if in_many is not None:
                return (lower_in_parts if in_many else lower_natively)(context, *operands, **params)
        return lower_portably(context, *operands, engine=engine, **params)

    def lower_elsewhere(context: Any, *operands: Any, engine: "Engine", **params: Any) -> Any:
        if engine.name == "native":
            raise ValueError(_NOT_ON_CPU)
        return lower_portably(context, *operands, engine=engine, **params)

    require_devices(primitive)
    batching.primitive_batchers[primitive] = batch
    mlir.register_lowering(primitive, lower_elsewhere)
    mlir.register_lowering(primitive, lower_for_cpu, platform="cpu")
    return primitive


def _check_numbers(name: str, results: Sequence[jax.Array]) -> None:
    """Refuses what `jax.debug_nans` and `jax.debug_infs` refuse."""
    for kind, is_bad in {"nan": jnp.isnan, "inf": jnp.isinf}.items():
        is_on = getattr(jax.config, f"jax_debug_{kind}s")
        for result in results:
            if is_on and jnp.issubdtype(result.dtype, jnp.floating) and bool(is_bad(result).any()):
                raise FloatingPointError(f"invalid value ({kind}) encountered in {name}")


_IN_AN_EXPORT = (
    "an export holds no native code: implementation='manual:native' is exported as 'manual:xla', which "
    "gives the same results. 'manual' does so without this warning."
)
_NOT_ON_CPU = (
    "implementation='manual:native' is a kernel for CPUs, and this program is compiled for another device: "
    "use 'manual', which then takes the engine 'xla'."
)
sort_p = _primitive("diffsort_sort", _sort_avals, _sort_natively, _sort_portably)
permute_p = _primitive("diffsort_permute", _permute_avals, _permute_natively, _permute_portably)
