"""The permutation that sorts by several keys: packed into one integer, or a sort for each."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from diffsort import _sharding
from diffsort._sorting import find_permutation, is_trivial
from diffsort.engines.gathering import gather
from diffsort.engines.keys import Keys, order_keys
from diffsort.implementations import Chosen

# Bits that fit one sort. On CPU a sort of 64 bits takes twice the time of one of 32, as two sorts do, and
# nothing needs to be moved between them; elsewhere it takes far longer than two.
_BITS, _BITS_ON_CPU = 32, 64


@functools.partial(jax.jit, static_argnames=("axis", "descending", "below"))
def find_order(
    chosen: Chosen,
    keys: tuple[jax.Array, ...],
    axis: int,
    where: jax.Array | None,
    descending: tuple[bool, ...],
    below: int | None = None,
) -> jax.Array:
    """Returns the stable permutation that sorts by the first key, at ties by the second, and so on; int32.

    Args:
        chosen: an implementation that has a permutation.
        keys: of one shape, at least one; 0 where they are masked.
        axis: non-negative.
        where: None or of the shape of the keys; masked elements come last.
        descending: for each key, whether it goes from the greatest down.
        below: what all of the first key, which are not negative, are less than, if that is known.
    """
    chosen.permutation()  # refused here if there is none
    if len(keys) == 1 or is_trivial(keys[0], axis):
        return find_permutation(chosen, keys[0], axis, where, descending[0])
    keys = tuple(lax.stop_gradient(key) for key in keys)
    find = functools.partial(_find, chosen=chosen, axis=axis, descending=descending, below=below)

    def local(*keys: jax.Array, where: jax.Array | None) -> jax.Array:
        operands = keys if where is None else (*keys, where)
        return lax.platform_dependent(
            *operands,
            cpu=functools.partial(find, bits=_BITS_ON_CPU),
            default=functools.partial(find, bits=_BITS),
        )

    with jax.named_scope("diffsort.lexsort"):
        return _sharding.on_shards(local, axis, *keys, where=where)


class _Sort(NamedTuple):
    """A key to sort by.

    Attributes:
        key: as it is given, or several packed into an unsigned integer.
        descending: whether it goes from the greatest down.
        width: how many bits a packed one has; 0 for one as it is given.
    """

    key: jax.Array
    descending: bool
    width: int


def _find(
    *operands: jax.Array,
    chosen: Chosen,
    axis: int,
    descending: tuple[bool, ...],
    below: int | None,
    bits: int,
) -> jax.Array:
    def find(sorts: Sequence[_Sort], where: jax.Array | None) -> jax.Array:
        by, *rest = sorts
        if not rest:
            return _argsort(chosen, by, axis, where, bits)
        # Sorts are stable, so sorting by the less important keys first breaks ties by them. They need not
        # know what is masked.
        first = find(rest, None)
        where = None if where is None else gather(where, first, axis)
        by = by._replace(key=gather(by.key, first, axis))
        return gather(first, _argsort(chosen, by, axis, where, bits), axis)

    keys, masks = operands[: len(descending)], operands[len(descending) :]
    # 64-bit integers exist under enable_x64 only, whatever the user's setting.
    with jax.enable_x64(True):
        return find(_pack(keys, descending, below, bits), masks[0] if masks else None)


def _argsort(chosen: Chosen, by: _Sort, axis: int, where: jax.Array | None, bits: int) -> jax.Array:
    """Returns the stable permutation that sorts by one key, int32."""
    n = by.key.shape[axis]
    index_bits = (n - 1).bit_length() if isinstance(n, int) else bits  # n may be symbolic, in an export
    total = (where is not None) + by.width + index_bits
    if by.width == 0 or total > bits or chosen.sort_with_indices is None:
        found = chosen.permutation()(by.key, axis=axis, descending=by.descending, where=where)
        return found.astype(jnp.int32)
    # With the index in the lowest bits and the mask in the highest, sorting the values alone is enough.
    word = _word(total)
    words = by.key.astype(word)
    if where is not None:
        words |= (~where).astype(word) << word(by.width)
    words = (words << word(index_bits)) | lax.broadcasted_iota(word, words.shape, axis)
    words = chosen.sort(words, axis=axis, descending=False, where=None)
    return (words & word((1 << index_bits) - 1)).astype(jnp.int32)


def _pack(keys: Sequence[jax.Array], descending: Sequence[bool], below: int | None, bits: int) -> list[_Sort]:
    """Returns what to sort by, the most important first."""
    groups: list[list[int]] = []
    ordered = [order_keys(key, down) for key, down in zip(keys, descending, strict=True)]
    if below is not None:
        ordered[0] = Keys(ordered[0].values, *((-below, -1) if descending[0] else (0, below - 1)))
    left = 0
    for i, key in enumerate(ordered):
        width = _width(key)
        if width > left or not groups:
            groups.append([])
            left = bits
        groups[-1].append(i)
        left -= width
    return [
        _Sort(keys[group[0]], descending[group[0]], 0)
        if len(group) == 1
        else _join([ordered[i] for i in group])
        for group in groups
    ]


def _width(key: Keys) -> int:
    return (key.high - key.low).bit_length()


def _word(width: int) -> Any:
    return jnp.uint32 if width <= 32 else jnp.uint64


def _join(keys: Sequence[Keys]) -> _Sort:
    """Puts keys side by side in one unsigned integer, the first in its highest bits."""
    total = sum(map(_width, keys))
    word = _word(total)
    joined = jnp.zeros_like(keys[0].values, dtype=word)
    for key in keys:
        # Differences that do not fit the signed type wrap around, and are right as unsigned ones.
        signed = key.values.dtype.type
        offset = (key.values - signed(key.low)).astype(jnp.dtype(f"uint{key.values.dtype.itemsize * 8}"))
        joined = (joined << word(_width(key))) | offset.astype(word)
    return _Sort(joined, False, total)
