"""The native engine: a kernel for CPUs, called by XLA.

Two primitives stand for the kernel, so that what runs is decided when a program is lowered: the kernel on
CPU; the portable engine everywhere else, and in an export, which must not depend on a library.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from diffsort import gathering, sharding
from diffsort.engines import library, xla
from diffsort.engines.partitioning import asks_for_devices, divides, partitioned

_KERNEL_TYPES = frozenset(
    {jnp.dtype(jnp.bool_), jnp.dtype(jnp.bfloat16)}
    | {jnp.dtype(f"{kind}{bits}") for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
    | {jnp.dtype(f"float{bits}") for bits in (16, 32, 64)}
)


class Native:
    """The functions that an `Engine` is made of; see there.

    Attributes:
        is_forced: refuse to be compiled for anything but a CPU, and warn where an export goes without the
            kernel. Otherwise the portable engine steps in without a word.
    """

    def __init__(self, *, is_forced: bool):
        self.is_forced = is_forced

    def argsort(
        self,
        x: jax.Array,
        *,
        axis: int,
        descending: bool,
        where: jax.Array | None,
        ties_reversed: bool = False,
        dtype: jax.typing.DTypeLike = jnp.int32,
    ) -> jax.Array:
        """Returns the permutation."""
        return self._sorted(_sortable(x), where, axis, (descending, ties_reversed), indices=dtype)[0]

    def sort_with_indices(
        self,
        x: jax.Array,
        *,
        axis: int,
        descending: bool,
        where: jax.Array | None,
        ties_reversed: bool = False,
        dtype: jax.typing.DTypeLike = jnp.int32,
    ) -> tuple[jax.Array, jax.Array]:
        """Returns values and permutation."""
        order = (descending, ties_reversed)
        if x.dtype in _KERNEL_TYPES:
            values, indices = self._sorted(x, where, axis, order, values=True, indices=dtype)
            return values, indices
        (indices,) = self._sorted(_sortable(x), where, axis, order, indices=dtype)
        return self.gather(x, indices, axis), indices

    def sort(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns the values alone."""
        if x.dtype in _KERNEL_TYPES:
            return self._sorted(x, where, axis, (descending, descending), values=True)[0]
        return self.sort_with_indices(
            x, axis=axis, descending=descending, where=where, ties_reversed=descending
        )[0]

    def gather(self, x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
        """Applies a permutation."""
        return self._moved(x, indices, axis, inverse=False)

    def scatter(self, x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
        """Applies the inverse of a permutation."""
        return self._moved(x, indices, axis, inverse=True)

    def _sorted(
        self,
        x: jax.Array,
        where: jax.Array | None,
        axis: int,
        order: tuple[bool, bool],
        *,
        values: bool = False,
        indices: jax.typing.DTypeLike | None = None,
    ) -> list[jax.Array]:
        descending, ties_reversed = order
        return _sort_p.bind(
            *sharding.varying_alike(*([x] if where is None else [x, where])),
            trailing=x.ndim - 1 - axis,
            values=values,
            index_dtype=None if indices is None else jnp.dtype(indices),
            descending=descending,
            ties_reversed=ties_reversed,
            is_forced=self.is_forced,
        )

    def _moved(self, x: jax.Array, indices: jax.Array, axis: int, *, inverse: bool) -> jax.Array:
        is_known = indices.dtype in (jnp.int32, jnp.uint16) and _is_movable(x.dtype)
        if not is_known or x.shape[axis:] != indices.shape[axis:]:  # whole rows move better in XLA
            return (gathering.scatter if inverse else gathering.gather)(x, indices, axis)
        operands = sharding.varying_alike(x, jnp.broadcast_to(indices, x.shape))
        trailing = x.ndim - 1 - axis
        return _permute_p.bind(*operands, trailing=trailing, inverse=inverse, is_forced=self.is_forced)[0]


def _sortable(x: jax.Array) -> jax.Array:
    """Elements of 8-bit floats and the like as wider ones, which order alike."""
    if x.dtype in _KERNEL_TYPES:
        return x
    return x.astype(jnp.float32 if jnp.issubdtype(x.dtype, jnp.floating) else jnp.int32)


def _is_movable(dtype: Any) -> bool:
    """Whether elements are whole bytes: not so for random keys, and for integers and floats of 4 bits."""
    if jnp.issubdtype(dtype, jax.dtypes.extended):
        return False
    return not jnp.dtype(dtype).name.endswith(("int2", "int4", "float4_e2m1fn"))


# The sort: x[, where] -> [values][, indices]. The axis counts from the end: batches come in front of it.


def _sort_avals(x: Any, *_: Any, values: bool, index_dtype: Any, **__: Any) -> list[Any]:
    kept = [x.update(weak_type=False)] if values else []
    return kept + ([] if index_dtype is None else [x.update(dtype=index_dtype, weak_type=False)])


def _sort_portably(
    *operands: jax.Array,
    trailing: int,
    values: bool,
    index_dtype: Any,
    descending: bool,
    ties_reversed: bool,
) -> list[jax.Array]:
    x, *masks = operands
    where = masks[0] if masks else None
    axis = x.ndim - 1 - trailing
    indices = xla.argsort(x, axis=axis, descending=descending, where=where, ties_reversed=ties_reversed)
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
    types = [operands[0].dtype] * values + ([] if index_dtype is None else [index_dtype])
    return jax.ffi.ffi_call(library.SORT, [jax.ShapeDtypeStruct(operands[0].shape, t) for t in types])(
        *operands,
        trailing=trailing,
        values=values,
        indices=index_dtype is not None,
        descending=descending,
        ties_reversed=ties_reversed,
    )


# The permutation: x, indices -> out.


def _permute_avals(x: Any, indices: Any, **_: Any) -> list[Any]:
    del indices
    return [x.update(weak_type=False)]


def _permute_portably(x: jax.Array, indices: jax.Array, *, trailing: int, inverse: bool) -> list[jax.Array]:
    move = gathering.scatter if inverse else gathering.gather
    return [move(x, indices, x.ndim - 1 - trailing)]


def _permute_natively(
    x: jax.Array, indices: jax.Array, *, trailing: int, inverse: bool
) -> Sequence[jax.Array]:
    out = [jax.ShapeDtypeStruct(x.shape, x.dtype)]
    return jax.ffi.ffi_call(library.PERMUTE, out)(x, indices, trailing=trailing, inverse=inverse)


def _primitive(
    name: str, avals: Callable[..., Any], natively: Callable[..., Any], portably: Callable[..., Any]
) -> Primitive:
    """A primitive that is `natively` computed on CPU and `portably` elsewhere, batched by leading axes."""
    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_abstract_eval(avals)

    @primitive.def_impl
    def impl(*operands: jax.Array, **params: Any) -> Any:  # under jax.disable_jit
        with jax.disable_jit(False):
            return jax.jit(functools.partial(primitive.bind, **params))(*operands)

    def batched(operands: Sequence[jax.Array], axes: Sequence[int | None], **params: Any) -> Any:
        size = next(o.shape[a] for o, a in zip(operands, axes, strict=True) if a is not None)
        fronted = [
            jnp.broadcast_to(o, (size, *o.shape)) if a is None else jnp.moveaxis(o, a, 0)
            for o, a in zip(operands, axes, strict=True)
        ]
        out = primitive.bind(*fronted, **params)
        return out, [0] * len(out)

    def in_parts(*operands: jax.Array, **params: Any) -> Sequence[jax.Array]:
        results = len(avals(*map(jax.typeof, operands), **params))
        return partitioned(functools.partial(natively, **params), operands, results, params["trailing"])

    lower_natively, lower_in_parts, lower_portably = map(mlir.lower_fun, (natively, in_parts, portably))

    def lowered_for_cpu(context: Any, *operands: Any, is_forced: bool, **params: Any) -> Any:
        is_divided = divides(context)
        if context.module_context.lowering_parameters.for_export:
            if is_forced:
                warnings.warn(_IN_AN_EXPORT, stacklevel=2)
            return lower_portably(context, *operands, **params)
        if is_divided is None:
            return lower_portably(context, *operands, **params)
        return (lower_in_parts if is_divided else lower_natively)(context, *operands, **params)

    def lowered_elsewhere(context: Any, *operands: Any, is_forced: bool, **params: Any) -> Any:
        if is_forced:
            raise ValueError(_NOT_ON_CPU)
        return lower_portably(context, *operands, **params)

    asks_for_devices(primitive)
    batching.primitive_batchers[primitive] = batched
    mlir.register_lowering(primitive, lowered_elsewhere)
    mlir.register_lowering(primitive, lowered_for_cpu, platform="cpu")
    return primitive


_IN_AN_EXPORT = (
    "an export holds no native code: implementation='manual:native' is exported as 'manual:xla', which "
    "gives the same results. 'manual' does so without this warning."
)
_NOT_ON_CPU = (
    "implementation='manual:native' is a kernel for CPUs, and this program is compiled for another device: "
    "use 'manual', which then takes the engine 'xla'."
)
_sort_p = _primitive("diffsort_sort", _sort_avals, _sort_natively, _sort_portably)
_permute_p = _primitive("diffsort_permute", _permute_avals, _permute_natively, _permute_portably)
