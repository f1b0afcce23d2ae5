"""The manual implementation: a sort by an engine, and the derivative of sort written by hand.

Where nothing is differentiated, the engine sorts values and no permutation is ever found. Where something
is, one pass finds both, and the permutation is all that is kept for the backward pass.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad

from diffsort.engines import Engine, narrow_dtype
from diffsort.engines.primitives import sort_p
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


def _no_tangent(x: jax.Array) -> Any:
    return ad.Zero(jax.typeof(x).to_tangent_aval())


ad.primitive_jvps[sort_p] = _sort_jvp
