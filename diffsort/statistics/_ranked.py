"""What every order statistic begins with: elements in order, their positions, and how many there are."""

import dataclasses
import functools
from collections.abc import Callable, Hashable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, floating, mask_like
from diffsort._precision import computing_dtype
from diffsort.implementations import get_implementation
from diffsort.sharding import laid_out_like
from diffsort.sorting import sort

Weights = Callable[[jax.Array, jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True)
class Ranked:
    """Sorted elements.

    Attributes:
        values: sorted along `axis`, in float32 at least; 0 behind the last that is not masked.
        position: 0, 1, … along `axis`, of the same dtype; length 1 along the others.
        count: how many elements are not masked, of the same dtype; length 1 along `axis`.
        is_nan: whether any of them is NaN; length 1 along `axis`.
        axis: non-negative.
        dtype: that of the elements as they were given, for the result.
    """

    values: jax.Array
    position: jax.Array
    count: jax.Array
    is_nan: jax.Array
    axis: int
    dtype: jnp.dtype

    @property
    def length(self) -> int:
        """How many elements there are along `axis`, masked ones included."""
        return int(self.values.shape[self.axis])

    def weighed(self, weights: Weights) -> jax.Array:
        """Returns the sum of `weights(position, count)` times the values; NaN where an element is NaN.

        An element of weight 0 does not count, not even if it is infinite.
        """
        w = weights(self.position, self.count)
        w = jnp.where(self.position < self.count, w, jnp.zeros_like(w))
        w = laid_out_like(jnp.broadcast_to(w, self.values.shape), self.values)
        # Chosen before the product: 0 × inf would be NaN, in the gradient too.
        values = jnp.where(w == 0, jnp.zeros_like(self.values), self.values)
        return self.finished(jnp.sum(values * w, self.axis, keepdims=True))

    def finished(self, result: jax.Array) -> jax.Array:
        """Returns a result of length 1 along `axis` without that axis, NaN where an element is."""
        result = jnp.where(self.is_nan, jnp.full_like(result, jnp.nan), result)
        return jnp.squeeze(result, self.axis).astype(self.dtype)


def statistic(
    function: Callable[..., jax.Array],
    x: ArrayLike,
    axis: int,
    where: ArrayLike | None,
    implementation: str,
    *static: Hashable,
    operands: tuple[jax.Array, ...] = (),
) -> jax.Array:
    """Returns `function(elements, *static, *operands)`, compiled as a whole.

    Args:
        function: of a module, so that what is compiled for it is found again; `elements` are Ranked.
        x: what to rank.
        axis: the axis to rank along.
        where: boolean mask, broadcastable to `x`.
        implementation: as in `diffsort.sort`.
        *static: arguments that are Python values.
        operands: arguments that are arrays.

    Raises:
        TypeError: `x` is not floating, or `where` not boolean.
        ValueError: `axis`, `where` or `implementation` does not fit.
    """
    array = floating(x, "x")
    axis = canonical_axis(axis, array.ndim)
    mask = None if where is None else mask_like(where, array)
    get_implementation(implementation)  # unhashable names too are refused with the list of known ones
    return _compiled(function, array, mask, operands, axis, implementation, static)


@functools.partial(jax.jit, static_argnames=("function", "axis", "implementation", "static"))
def _compiled(
    function: Callable[..., jax.Array],
    x: jax.Array,
    where: jax.Array | None,
    operands: tuple[jax.Array, ...],
    axis: int,
    implementation: str,
    static: tuple[Hashable, ...],
) -> jax.Array:
    return function(_ranked(x, axis, where, implementation), *static, *operands)


def _ranked(array: jax.Array, axis: int, where: jax.Array | None, implementation: str) -> Ranked:
    n = array.shape[axis]
    shape = [n if d == axis else 1 for d in range(array.ndim)]
    dtype = computing_dtype(array.dtype)
    is_nan = jnp.isnan(array)
    if where is None:
        count = jnp.full([1] * array.ndim, n, dtype)
    else:
        is_nan &= where
        count = jnp.sum(where, axis, keepdims=True, dtype=jnp.int32).astype(dtype)
    return Ranked(
        values=sort(array, axis, where=where, implementation=implementation).astype(dtype),
        position=jnp.arange(n, dtype=dtype).reshape(shape),
        count=count,
        is_nan=jnp.any(is_nan, axis, keepdims=True),
        axis=axis,
        dtype=array.dtype,
    )
