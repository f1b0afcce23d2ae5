"""What the ops compile once their arguments are checked: an implementation, on each device's own rows.

In all of them `axis` is non-negative, and `where` None or of the shape of `x`, which is 0 where it is masked.
Compiled as a whole, as jax.numpy's functions are: outside jit, a call would else run primitive by primitive.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from diffsort import _sharding
from diffsort.implementations import Chosen, Implementation

_compiled = functools.partial(jax.jit, static_argnames=("axis", "descending"))


@jax.jit
def zero_masked(x: jax.Array, where: jax.Array) -> jax.Array:
    """Returns `x` with 0 where it is masked."""
    return jnp.where(where, x, jnp.zeros_like(x))


@_compiled
def sort_values(
    chosen: Chosen, x: jax.Array, axis: int, where: jax.Array | None, descending: bool = False
) -> jax.Array:
    """Returns the sorted values alone."""
    if is_trivial(x, axis):
        return x
    sort = functools.partial(chosen.sort, axis=axis, descending=descending)
    with jax.named_scope("diffsort.sort"):
        values = _sharding.on_shards(sort, axis, x, where=where)
    if (values.shape, values.dtype) != (x.shape, x.dtype):
        raise ValueError(
            f"implementation {chosen.name!r} made {values.dtype}{list(values.shape)} of "
            f"{x.dtype}{list(x.shape)}: a sort returns the shape and dtype that it is given."
        )
    return values


@_compiled
def sort_both(
    chosen: Chosen, x: jax.Array, axis: int, where: jax.Array | None, descending: bool
) -> tuple[jax.Array, jax.Array]:
    """Returns the sorted values and the permutation, in one pass if the implementation has one."""
    if chosen.sort_with_indices is None or is_trivial(x, axis):
        indices = find_permutation(chosen, x, axis, where, descending)
        return (x if is_trivial(x, axis) else move(chosen, x, indices, axis)), indices
    sort = functools.partial(chosen.sort_with_indices, axis=axis, descending=descending)
    with jax.named_scope("diffsort.sort_with_indices"):
        return _sharding.on_shards(sort, axis, x, where=where)


@functools.partial(jax.jit, static_argnames=("axis", "start", "stop", "descending"))
def select_both(
    chosen: Chosen,
    x: jax.Array,
    axis: int,
    where: jax.Array | None,
    start: int,
    stop: int,
    descending: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """Returns the ranks from `start` up to `stop` of what `sort_both` does."""
    if chosen.select is None or stop == start or is_trivial(x, axis):
        both = sort_both(chosen, x, axis, where, descending)
        values, indices = (lax.slice_in_dim(a, start, stop, axis=axis) for a in both)
        return values, indices
    select = functools.partial(chosen.select, axis=axis, start=start, stop=stop, descending=descending)
    with jax.named_scope("diffsort.select"):
        return _sharding.on_shards(select, axis, x, where=where)


def select_values(chosen: Chosen, x: jax.Array, axis: int, start: int, stop: int) -> jax.Array:
    """Returns the ranks from `start` up to `stop` of what `sort_values` does, without a mask."""
    if chosen.select is None:
        return lax.slice_in_dim(sort_values(chosen, x, axis, None), start, stop, axis=axis)
    return select_both(chosen, x, axis, None, start, stop)[0]


@_compiled
def find_permutation(
    chosen: Chosen, x: jax.Array, axis: int, where: jax.Array | None, descending: bool
) -> jax.Array:
    """Returns the sorting permutation, which has no derivative."""
    find = functools.partial(chosen.permutation(), axis=axis, descending=descending)
    if is_trivial(x, axis):
        return _sharding.on_shards(lambda x: lax.broadcasted_iota(jnp.int32, x.shape, axis), axis, x)
    with jax.named_scope("diffsort.argsort"):
        return _sharding.on_shards(find, axis, lax.stop_gradient(x), where=where)


@functools.partial(jax.jit, static_argnames="axis")
def move(chosen: Implementation, x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
    """Returns `x` moved through a permutation."""
    with jax.named_scope("diffsort.permute"):
        return _sharding.on_shards(lambda x, indices: chosen.permute(x, indices, axis), axis, x, indices)


def is_trivial(x: jax.Array, axis: int) -> bool:
    """Whether there is nothing to sort; of a symbolic length, in an export, that is not known."""
    return isinstance(x.shape[axis], int) and x.shape[axis] < 2


def positions(n: int, ndim: int, axis: int) -> jax.Array:
    """Returns 0, 1, … n − 1 along an axis, int32; of length 1 along the others."""
    return jnp.arange(n, dtype=jnp.int32).reshape([n if d == axis % ndim else 1 for d in range(ndim)])


def count_valid(where: jax.Array, axis: int) -> jax.Array:
    """Returns how many elements are not masked, int32; of length 1 along `axis`."""
    return jnp.sum(where, axis, keepdims=True, dtype=jnp.int32)
