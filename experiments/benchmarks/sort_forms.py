"""Forms in which XLA can find sorted values and their permutation: candidates for the portable engine."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from diffsort.engines.gathering import gather
from diffsort.engines.keys import order_keys

ValuesAndIndices = tuple[jax.Array, jax.Array]
Form = Callable[[jax.Array], ValuesAndIndices]


def forms(x: jax.Array) -> dict[str, Form]:
    """Returns the forms that `x` can be sorted in along its last axis, by what the sort is given.

    All give values and int32 indices, ties in input order.

    Args:
        x: any real dtype of at least 16 bits; only its dtype and shape matter.
    """
    found: dict[str, Form] = {"key, index": _key_and_index}
    for word in (jnp.int32, jnp.int64):
        if _fits(x, word):
            found[f"packed {jnp.dtype(word).name}"] = functools.partial(_packed, word=word)
    if jnp.issubdtype(x.dtype, jnp.floating):
        found["element, index"] = _element_and_index
    return {**found, "jnp.argsort": _argsort}


def _key_and_index(x: jax.Array) -> ValuesAndIndices:
    _, indices = lax.sort((order_keys(x).values, _iota(x, jnp.int32)), is_stable=True, num_keys=1)
    return _gathered(x, indices)


def _element_and_index(x: jax.Array) -> ValuesAndIndices:
    values, indices = lax.sort((x, _iota(x, jnp.int32)), is_stable=True, num_keys=1)
    return values, indices


def _packed(x: jax.Array, word: jax.typing.DTypeLike) -> ValuesAndIndices:
    bits = _index_bits(x)
    with jax.enable_x64(True):
        keys = order_keys(x).values.astype(word) << jnp.asarray(bits, word)
        ordered = lax.sort(keys | _iota(x, word), is_stable=False)
        indices = (ordered & jnp.asarray((1 << bits) - 1, word)).astype(jnp.int32)
    return _gathered(x, indices)


def _argsort(x: jax.Array) -> ValuesAndIndices:
    return _gathered(x, jnp.argsort(x, axis=-1).astype(jnp.int32))


def _gathered(x: jax.Array, indices: jax.Array) -> ValuesAndIndices:
    return gather(x, indices, x.ndim - 1), indices


def _iota(x: jax.Array, dtype: jax.typing.DTypeLike) -> jax.Array:
    return lax.broadcasted_iota(dtype, x.shape, x.ndim - 1)


def _index_bits(x: jax.Array) -> int:
    return (x.shape[-1] - 1).bit_length()


def _fits(x: jax.Array, word: jax.typing.DTypeLike) -> bool:
    """Whether every key of x, with an index below it, fits a word."""
    return x.dtype.itemsize * 8 + _index_bits(x) <= jnp.dtype(word).itemsize * 8
