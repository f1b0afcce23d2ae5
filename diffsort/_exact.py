"""What relaxed ranks, permutations and masks become without relaxation: the exact ones, as numbers."""

import jax
import jax.numpy as jnp
from jax import lax

from diffsort import engines
from diffsort.permutations import invert
from diffsort.protocols import Argsort


def exact_rank(
    x: jax.Array,
    *,
    axis: int,
    descending: bool,
    where: jax.Array | None,
    argsort: Argsort = engines.BEST.argsort,
) -> jax.Array:
    """Returns the rank of each element, in the dtype of `x`; 0 where it is masked."""
    indices = argsort(lax.stop_gradient(x), axis=axis, descending=descending, where=where)
    ranks = invert(indices, axis).astype(x.dtype)
    return ranks if where is None else jnp.where(where, ranks, jnp.zeros_like(ranks))


def exact_permutation(
    x: jax.Array,
    *,
    axis: int,
    descending: bool,
    where: jax.Array | None,
    argsort: Argsort = engines.BEST.argsort,
) -> jax.Array:
    """Returns permutation matrices in the dtype of `x`, of two new last axes; 0 for masked elements."""
    indices = jnp.moveaxis(
        argsort(lax.stop_gradient(x), axis=axis, descending=descending, where=where), axis, -1
    )
    found = jax.nn.one_hot(indices, x.shape[axis], dtype=x.dtype)
    if where is None:
        return found
    return jnp.where(jnp.moveaxis(where, axis, -1)[..., None, :], found, jnp.zeros_like(found))


def exact_top_k_mask(
    x: jax.Array, k: int, *, axis: int, where: jax.Array | None, argsort: Argsort = engines.BEST.argsort
) -> jax.Array:
    """Returns 1 for the k greatest elements, of equal ones the first; else 0."""
    indices = argsort(lax.stop_gradient(x), axis=axis, descending=True, where=where)
    is_top = invert(indices, axis) < k
    return (is_top if where is None else is_top & where).astype(x.dtype)
