"""The sorting permutation in plain XLA, on every platform.

XLA's CPU sort runs fast for one integer operand only, several times slower for anything else. So on
CPU the key and the index travel in one integer, key above index, and the index also makes the sort
stable. Elsewhere the key and an int32 index are two operands, the form that reaches the radix sort of
NVIDIA's CUB.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from diffsort.engines.gathering import gather
from diffsort.engines.keys import Keys, mask_last, order_keys
from diffsort.protocols import Argsort


def argsort(
    x: jax.Array,
    *,
    axis: int,
    descending: bool = False,
    where: jax.Array | None = None,
) -> jax.Array:
    """Returns the stable sorting permutation of `x` along `axis`, int32; see `protocols.Argsort`."""
    arrays = (x,) if where is None else (x, where)
    # Sorting the last axis is quicker than sorting across strides, transposes included.
    rows = (jnp.swapaxes(a, axis, -1) for a in arrays)
    return jnp.swapaxes(_argsort_rows(*rows, descending=descending), axis, -1)


def reverse_ties(argsort: Argsort) -> Argsort:
    """Returns an argsort that puts the last of equal elements first.

    jax.numpy.sort goes down by reversing what it sorted up, and so ties, and their gradients, come in
    reverse order.
    """

    def reversed_argsort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        where = None if where is None else lax.rev(where, (axis,))
        indices = argsort(lax.rev(x, (axis,)), axis=axis, descending=descending, where=where)
        return jnp.int32(x.shape[axis] - 1) - indices.astype(jnp.int32)

    return reversed_argsort


def is_selected_by_top_k(
    x: jax.Array, where: jax.Array | None = None, *, axis: int, start: int, stop: int
) -> bool:
    """Whether `select_at_an_end` can find these ranks: those at an end, by keys with room for a mask."""
    keys = order_keys(x)
    return (start == 0 or stop == x.shape[axis]) and (where is None or keys.fits(keys.low, keys.high + 1))


def select_at_an_end(
    x: jax.Array,
    where: jax.Array | None = None,
    *,
    axis: int,
    start: int,
    stop: int,
    descending: bool,
    ties_reversed: bool,
) -> jax.Array:
    """Returns the ranks `start` ≤ rank < `stop` of the sorting permutation, int32, by XLA's own top_k.

    Of equal elements that takes the first first. Its order is the reverse of the keys' complements, and
    that of the last ranks the reverse of the keys.
    """
    n, is_first = x.shape[axis], start == 0
    keys = order_keys(x, descending)
    if where is not None:
        keys = mask_last(keys, where)
    words = jnp.swapaxes(~keys.values if is_first else keys.values, axis, -1)
    is_reversed = ties_reversed == is_first
    if is_reversed:
        words = lax.rev(words, (words.ndim - 1,))
    _, indices = lax.top_k(words, stop if is_first else n - start)
    if is_reversed:
        indices = jnp.int32(n - 1) - indices
    if not is_first:
        indices = lax.rev(indices, (indices.ndim - 1,))
    return jnp.swapaxes(indices, axis, -1)


def _argsort_rows(x: jax.Array, where: jax.Array | None = None, *, descending: bool) -> jax.Array:
    on_cpu: Callable[..., jax.Array] = _argsort_packed
    # XLA compares 8-bit floats in a way of its own, and takes some of their NaNs for −0.
    if where is None and not descending and x.dtype.itemsize > 1 and _is_quicker_unpacked(x.shape):
        on_cpu = _argsort_elements
    return lax.platform_dependent(
        *((x,) if where is None else (x, where)),
        cpu=functools.partial(on_cpu, descending=descending),
        default=functools.partial(_argsort_pairs, descending=descending),
    )


def _is_quicker_unpacked(shape: tuple[int, ...]) -> bool:
    """Whether a sort is so small that running it costs less than handing it to another thread.

    JAX runs a CPU program of fewer than 1000 operations in the thread that calls it. Packing alone
    takes 12 an element, so there are sizes, about a hundred elements, for which only a plain sort stays
    below.
    """
    size, n = math.prod(shape), shape[-1]
    if not all(isinstance(d, int) for d in shape):  # symbolic, in an export
        return False
    return size > 32 and size * (n - 1).bit_length() < 900


def _argsort_packed(x: jax.Array, where: jax.Array | None = None, *, descending: bool) -> jax.Array:
    # 64-bit integers exist under enable_x64 only, whatever the user's setting.
    with jax.enable_x64(True):
        keys = order_keys(x, descending)
        if keys.values.dtype == jnp.int64:
            return _argsort_wide(keys, where)
        if where is not None:
            if not keys.fits(keys.low, keys.high + 1):
                keys = Keys(keys.values.astype(jnp.int64), keys.low, keys.high)
            keys = mask_last(keys, where)
        return _sort_packed(keys)


def _argsort_elements(x: jax.Array, *, descending: bool) -> jax.Array:
    del descending  # never so
    iota = lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
    return lax.sort((x, iota), dimension=x.ndim - 1, is_stable=True, num_keys=1)[1]


def _argsort_wide(keys: Keys, where: jax.Array | None) -> jax.Array:
    """Sorts 64-bit keys in two stable passes, by the low and then by the high half."""
    half = jnp.int64(32)
    low = Keys(keys.values & jnp.int64(0xFFFFFFFF), 0, 0xFFFFFFFF)
    high = Keys(keys.values >> half, keys.low >> 32, keys.high >> 32)
    if where is not None:
        high = mask_last(high, where)
    first = _sort_packed(low)
    rearranged = Keys(gather(high.values, first, first.ndim - 1), high.low, high.high)
    return gather(first, _sort_packed(rearranged), first.ndim - 1)


def _sort_packed(keys: Keys) -> jax.Array:
    """Sorts `key << b | index` along the last axis and returns the indices."""
    values = keys.values
    n = values.shape[-1]
    b = (n - 1).bit_length() if isinstance(n, int) else 31  # n may be symbolic, in an export
    low, high = keys.low << b, (keys.high << b) | ((1 << b) - 1)
    limits = jnp.iinfo(jnp.int32)
    word = jnp.int32 if limits.min <= low and high <= limits.max else jnp.int64
    iota = lax.broadcasted_iota(word, values.shape, values.ndim - 1)
    packed = (values.astype(word) << word(b)) | iota
    ordered = lax.sort(packed, dimension=values.ndim - 1, is_stable=False)
    return (ordered & word((1 << b) - 1)).astype(jnp.int32)


def _argsort_pairs(x: jax.Array, where: jax.Array | None = None, *, descending: bool) -> jax.Array:
    keys = order_keys(x, descending)
    operands = [keys.values]
    if where is not None:
        if keys.fits(keys.low, keys.high + 1):
            operands = [mask_last(keys, where).values]
        else:
            operands = [(~where).astype(jnp.int32), keys.values]
    iota = lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
    *_, indices = lax.sort((*operands, iota), dimension=x.ndim - 1, is_stable=True, num_keys=len(operands))
    return indices
