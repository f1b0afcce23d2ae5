"""The manual implementation: a sort by an engine, and the derivative of sort written by hand.

Where nothing is differentiated, the engine sorts values and no permutation is ever found. Where something
is, one pass finds both, and the permutation is all that is kept for the backward pass.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import zero_from_primal

from diffsort.engines.engine import Engine, narrow_dtype
from diffsort.permutations import linear_permutation

Mask = jax.Array | None


class Manual:
    """The functions that an `Implementation` is made of, over one engine.

    Attributes:
        engine: returns the engine; asked when a program is traced.
    """

    def __init__(self, engine: Callable[[], Engine]):
        self.engine = engine
        self._values = jax.custom_jvp(self._values_rule, nondiff_argnums=(2, 3))
        self._values.defjvp(self._values_jvp)
        self._pair = jax.custom_jvp(self._pair_rule, nondiff_argnums=(2, 3, 4, 5))
        self._pair.defjvp(self._pair_jvp)

    def sort(self, x: jax.Array, *, axis: int, descending: bool, where: Mask) -> jax.Array:
        """Returns `x` sorted, as jax.numpy.sort does."""
        return self._values(x, where, axis, descending)

    def sort_with_indices(
        self, x: jax.Array, *, axis: int, descending: bool, where: Mask
    ) -> tuple[jax.Array, jax.Array]:
        """Returns `x` sorted, and the int32 permutation."""
        return self._pair(x, where, axis, descending, False, jnp.dtype(jnp.int32))

    def argsort(self, x: jax.Array, *, axis: int, descending: bool, where: Mask) -> jax.Array:
        """Returns the int32 permutation."""
        return self.engine().argsort(lax.stop_gradient(x), axis=axis, descending=descending, where=where)

    def permute(self, x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
        """Moves `x` through a permutation; linear, and the transpose is the inverse permutation."""
        engine = self.engine()
        return linear_permutation(x, indices, axis, engine.gather, engine.scatter)

    def _values_rule(self, x: jax.Array, where: Mask, axis: int, descending: bool) -> jax.Array:
        return self.engine().sort(x, axis=axis, descending=descending, where=where)

    def _values_jvp(self, axis: int, descending: bool, primals: Any, tangents: Any) -> tuple[Any, Any]:
        x, where = primals
        dtype = jnp.dtype(narrow_dtype(x.shape[axis]))
        # jax.numpy.sort goes down by reversing, ties included, and so do their gradients.
        values, indices = self._pair(x, where, axis, descending, descending, dtype)
        return values, self._moved_tangent(tangents[0], values, indices, axis)

    def _pair_rule(
        self, x: jax.Array, where: Mask, axis: int, descending: bool, ties_reversed: bool, dtype: jnp.dtype
    ) -> tuple[jax.Array, jax.Array]:
        return self.engine().sort_with_indices(
            x, axis=axis, descending=descending, where=where, ties_reversed=ties_reversed, dtype=dtype
        )

    def _pair_jvp(
        self, axis: int, descending: bool, ties_reversed: bool, dtype: jnp.dtype, primals: Any, tangents: Any
    ) -> tuple[Any, Any]:
        x, where = primals
        # Not the rule itself: derivatives of higher order differentiate this again.
        values, indices = self._pair(x, where, axis, descending, ties_reversed, dtype)
        tangent = self._moved_tangent(tangents[0], values, indices, axis)
        return (values, indices), (tangent, zero_from_primal(indices))

    def _moved_tangent(self, tangent: jax.Array, values: jax.Array, indices: jax.Array, axis: int) -> Any:
        if not jnp.issubdtype(values.dtype, jnp.inexact):
            return zero_from_primal(values)
        return self.permute(tangent, indices, axis)
