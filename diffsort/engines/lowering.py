"""How a primitive of this library is made: the kernel on CPU, plain XLA everywhere else and in an export.

What runs is decided when a program is lowered. An export must not depend on a library, so it holds XLA alone.
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
from diffsort.engines import library
from diffsort.engines._partitioning import divide, is_divided, require_devices

if TYPE_CHECKING:
    from diffsort.engines.engine import Engine


def make_primitive(
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
        results = avals(*map(jax.typeof, operands), **params)
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
