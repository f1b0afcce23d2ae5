"""The manual implementation: a sort by an engine, and the derivative of sort written by hand.

Where nothing is differentiated, the engine sorts values and no permutation is ever found. Where something
is, one pass finds both, and the permutation is all that is kept for the backward pass.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad

from diffsort.engines import Engine, narrow_dtype
from diffsort.engines.primitives import put_p, select_p, sort_p, take_p
from diffsort.permutations import linear_permutation
from diffsort.protocols import Permute


def permute_by(engine: Engine) -> Permute:
    """Returns how an engine moves arrays through a permutation: linear, the transpose being its inverse."""
    return functools.partial(linear_permutation, permute=engine.gather, unpermute=engine.scatter)


def _sort_jvp(
    primals: tuple[jax.Array, ...],
    tangents: tuple[Any, ...],
    *,
    trailing: int,
    values: bool,
    index_dtype: Any,
    engine: Engine,
    **order: bool,
) -> tuple[list[jax.Array], list[Any]]:
    """The tangent of sorted values is the tangent of `x`, moved as the values are; indices have none.

    A rule of the primitive, not a `jax.custom_jvp` around it: a scan forgets the latter once it has been
    differentiated, and then has no derivative of second order.
    """
    axis = primals[0].ndim - 1 - trailing
    params = {"trailing": trailing, "values": values, "engine": engine, **order}
    if not values or type(tangents[0]) is ad.Zero:
        out = sort_p.bind(*primals, index_dtype=index_dtype, **params)
        return out, [_no_tangent(o) for o in out]
    kept = index_dtype or jnp.dtype(narrow_dtype(primals[0].shape[axis]))
    ordered, indices = sort_p.bind(*primals, index_dtype=kept, **params)
    moved = permute_by(engine)(tangents[0], indices, axis)
    if index_dtype is None:
        return [ordered], [moved]
    return [ordered, indices], [moved, _no_tangent(indices)]


def _select_jvp(
    primals: tuple[jax.Array, ...], tangents: tuple[Any, ...], *, trailing: int, engine: Engine, **order: Any
) -> tuple[list[jax.Array], list[Any]]:
    """The tangent of selected values is that of `x` where they stood; indices have none."""
    values, indices = select_p.bind(*primals, trailing=trailing, engine=engine, **order)
    if type(tangents[0]) is ad.Zero:
        return [values, indices], [_no_tangent(values), _no_tangent(indices)]
    taken = engine.take(tangents[0], indices, values.ndim - 1 - trailing)
    return [values, indices], [taken, _no_tangent(indices)]


# Taking and putting are linear, and each is the transpose of the other.


def _linear_jvp(primitive: Primitive) -> Callable[..., tuple[list[jax.Array], list[Any]]]:
    def jvp(
        primals: tuple[jax.Array, ...], tangents: tuple[Any, ...], **params: Any
    ) -> tuple[list[jax.Array], list[Any]]:
        (out,) = primitive.bind(*primals, **params)
        if type(tangents[0]) is ad.Zero:
            return [out], [_no_tangent(out)]
        return [out], primitive.bind(tangents[0], primals[1], **params)

    return jvp


def _take_transpose(
    cotangents: list[Any], x: Any, indices: jax.Array, *, trailing: int, engine: Engine
) -> list[Any]:
    (cotangent,) = cotangents
    axis = x.aval.ndim - 1 - trailing
    if type(cotangent) is ad.Zero:
        return [ad.Zero(x.aval), None]
    with jax.named_scope("diffsort.backward"):
        return [engine.put(cotangent, indices, axis, x.aval.shape[axis]), None]


def _put_transpose(
    cotangents: list[Any], values: Any, indices: jax.Array, *, trailing: int, length: int, engine: Engine
) -> list[Any]:
    del length
    (cotangent,) = cotangents
    if type(cotangent) is ad.Zero:
        return [ad.Zero(values.aval), None]
    return [engine.take(cotangent, indices, values.aval.ndim - 1 - trailing), None]


def _no_tangent(x: jax.Array) -> Any:
    return ad.Zero(jax.typeof(x).to_tangent_aval())


ad.primitive_jvps[sort_p] = _sort_jvp
ad.primitive_jvps[select_p] = _select_jvp
for _primitive, _transpose in ((take_p, _take_transpose), (put_p, _put_transpose)):
    ad.primitive_jvps[_primitive] = _linear_jvp(_primitive)
    ad.primitive_transposes[_primitive] = _transpose
