"""The manual implementation: a sort by an engine, and the derivative of sort written by hand.

Where nothing is differentiated, the engine sorts values and no permutation is ever found. Where something
is, one pass finds both, and the permutation is all that is kept for the backward pass.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad

from diffsort.engines import Engine, narrow_dtype
from diffsort.engines.primitives import sort_p
from diffsort.permutations import linear_permutation

Mask = jax.Array | None


@dataclasses.dataclass(frozen=True)
class Manual:
    """The functions that an `Implementation` is made of, over one engine."""

    engine: Engine

    def sort(self, x: jax.Array, *, axis: int, descending: bool, where: Mask) -> jax.Array:
        """Returns `x` sorted, as jax.numpy.sort does."""
        return self.engine.sort(x, axis=axis, descending=descending, where=where)

    def sort_with_indices(
        self, x: jax.Array, *, axis: int, descending: bool, where: Mask
    ) -> tuple[jax.Array, jax.Array]:
        """Returns `x` sorted, and the int32 permutation."""
        return self.engine.sort_with_indices(x, axis=axis, descending=descending, where=where)

    def argsort(self, x: jax.Array, *, axis: int, descending: bool, where: Mask) -> jax.Array:
        """Returns the int32 permutation."""
        return self.engine.argsort(x, axis=axis, descending=descending, where=where)

    def permute(self, x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
        """Moves `x` through a permutation; linear, and the transpose is the inverse permutation."""
        return linear_permutation(x, indices, axis, self.engine.gather, self.engine.scatter)


def _sort_jvp(
    primals: tuple[jax.Array, ...],
    tangents: tuple[Any, ...],
    *,
    trailing: int,
    values: bool,
    index_dtype: Any,
    engine: str,
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
    moved = Manual(Engine(engine)).permute(tangents[0], indices, axis)
    if index_dtype is None:
        return [ordered], [moved]
    return [ordered, indices], [moved, _no_tangent(indices)]


def _no_tangent(x: jax.Array) -> Any:
    return ad.Zero(jax.typeof(x).to_tangent_aval())


ad.primitive_jvps[sort_p] = _sort_jvp
