"""Making a JAX primitive that works along one axis, counted from the end, so that batches come in front."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir


def define(
    name: str,
    avals: Callable[..., Any],
    function: Callable[..., Any],
    *,
    multiple_results: bool,
    shared: frozenset[int] = frozenset(),
) -> Primitive:
    """Returns a new primitive.

    Args:
        name: what it is called in a jaxpr.
        avals: `avals(*operands, **params)`, abstract values to abstract values.
        function: what it computes, in terms of other JAX functions; on platforms for which nothing else is
            registered. It takes operands of one rank, and works along the same axis from the end whatever
            stands in front.
        multiple_results: whether `avals` and `function` return lists.
        shared: which operands may have length 1 along an axis and then hold for the whole of it.
    """
    primitive = Primitive(name)
    primitive.multiple_results = multiple_results
    primitive.def_abstract_eval(avals)
    mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=multiple_results))

    @primitive.def_impl
    def impl(*operands: jax.Array, **params: Any) -> Any:  # under jax.disable_jit
        with jax.disable_jit(False):
            return jax.jit(functools.partial(primitive.bind, **params))(*operands)

    def batched(operands: Sequence[jax.Array], axes: Sequence[int | None], **params: Any) -> Any:
        size = next(o.shape[a] for o, a in zip(operands, axes, strict=True) if a is not None)

        def fronted(position: int, operand: jax.Array, axis: int | None) -> jax.Array:
            if axis is not None:
                return jnp.moveaxis(operand, axis, 0)
            return jnp.broadcast_to(operand, (1 if position in shared else size, *operand.shape))

        out = primitive.bind(*map(fronted, itertools.count(), operands, axes), **params)
        return (out, [0] * len(out)) if multiple_results else (out, 0)

    batching.primitive_batchers[primitive] = batched
    return primitive
