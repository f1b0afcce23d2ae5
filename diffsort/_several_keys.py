"""The permutation that sorts by several keys: packed into one integer, or a sort for each."""

import functools
from collections.abc import Sequence

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


def _find(
    *operands: jax.Array,
    chosen: Chosen,
    axis: int,
    descending: tuple[bool, ...],
    below: int | None,
    bits: int,
) -> jax.Array:
    def find(sorts: Sequence[tuple[jax.Array, bool]], where: jax.Array | None) -> jax.Array:
        (key, down), *rest = sorts
        order = functools.partial(chosen.permutation(), axis=axis, descending=down)
        if not rest:
            return order(key, where=where).astype(jnp.int32)
        # Sorts are stable, so sorting by the less important keys first breaks ties by them. They need not
        # know what is masked.
        first = find(rest, None)
        where = None if where is None else gather(where, first, axis)
        return gather(first, order(gather(key, first, axis), where=where).astype(jnp.int32), axis)

    keys, masks = operands[: len(descending)], operands[len(descending) :]
    # 64-bit integers exist under enable_x64 only, whatever the user's setting.
    with jax.enable_x64(True):
        return find(_pack(keys, descending, below, bits), masks[0] if masks else None)


def _pack(
    keys: Sequence[jax.Array], descending: Sequence[bool], below: int | None, bits: int
) -> list[tuple[jax.Array, bool]]:
    """Returns keys to sort by, the most important first, and whether each goes from the greatest down."""
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
        (keys[group[0]], descending[group[0]])
        if len(group) == 1
        else (_join([ordered[i] for i in group]), False)
        for group in groups
    ]


def _width(key: Keys) -> int:
    return (key.high - key.low).bit_length()


def _join(keys: Sequence[Keys]) -> jax.Array:
    """Returns keys side by side in one unsigned integer, the first in its highest bits."""
    total = sum(map(_width, keys))
    word = jnp.uint32 if total <= 32 else jnp.uint64
    joined = jnp.zeros_like(keys[0].values, dtype=word)
    for key in keys:
        # Differences that do not fit the signed type wrap around, and are right as unsigned ones.
        signed = key.values.dtype.type
        offset = (key.values - signed(key.low)).astype(jnp.dtype(f"uint{key.values.dtype.itemsize * 8}"))
        joined = (joined << word(_width(key))) | offset.astype(word)
    return joined
