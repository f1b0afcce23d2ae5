"""Ranks, permutations and the choice of the greatest, as numbers that have a derivative in a relaxed sort."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort import _sharding
from diffsort._arguments import as_floating, canonical_axis, flag, integer, mask_like
from diffsort._exact import exact_permutation, exact_rank, exact_top_k_mask
from diffsort._sorting import zero_masked
from diffsort.implementations import Chosen, ImplementationLike, get_implementation
from diffsort.soft import RelaxedSort

__all__ = ["soft_permutation", "soft_rank", "top_k_mask"]

_compiled = functools.partial(jax.jit, static_argnames=("axis", "descending"))


def soft_rank(
    x: ArrayLike,
    axis: int = -1,
    *,
    descending: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "lapsum",
) -> jax.Array:
    """Returns the relaxed rank of each element, from 0: a smooth function of all elements.

    Ranks of a slice sum to n (n − 1) / 2. With an exact implementation, such as "manual", they are those of
    `diffsort.rank`, and their derivative is 0.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        axis: the axis to rank along.
        descending: rank 0 for the greatest.
        where: boolean mask, broadcastable to `x`; masked elements have rank 0 and do not count.
        implementation: a relaxed sort of `diffsort.soft`, or any that has a permutation.

    Returns:
        The ranks, floating, of the shape of `x`; NaN in a slice with a NaN if it is relaxed.

    Raises:
        TypeError: `x` is not real, or `where` not boolean.
        ValueError: `axis` is out of range, `where` does not broadcast to `x`, or no implementation has that
            name, or it has no ranks.

    >>> import jax.numpy as jnp, numpy as np
    >>> from diffsort.soft import SoftSort
    >>> np.asarray(soft_rank(jnp.array([3., 1., 2.]), implementation=SoftSort(0.5))).round(1)
    array([1.8, 0.1, 1. ], dtype=float32)
    >>> soft_rank(jnp.array([3., 1., 2.]), implementation="manual")
    Array([2., 0., 1.], dtype=float32)
    """
    array, axis, mask = _prepare(x, axis, where)
    return _soft_rank(get_implementation(implementation), array, axis, mask, flag(descending, "descending"))


def soft_permutation(
    x: ArrayLike,
    axis: int = -1,
    *,
    descending: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "lapsum",
) -> jax.Array:
    """Returns the matrix P of a relaxed sort: `P[..., k, i]` is how much the element i stands at rank k.

    The sorted values are P x, except for `LapSum`, which finds them in another way. Every row sums to 1.
    Every column does, too, for sorting networks, `LapSum`, and `Transport` within its threshold; for
    `SoftSort` and `NeuralSort` it need not. With an exact implementation it is the permutation matrix, and
    its derivative is 0.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        axis: the axis to sort along.
        descending: rank 0 for the greatest.
        where: boolean mask, broadcastable to `x`; columns of masked elements, and the last rows, are 0.
        implementation: a relaxed sort of `diffsort.soft`, or any that has a permutation; `Permutahedron` has
            no matrix.

    Returns:
        The matrices, of the shape of `x` without `axis`, then (n, n); NaN where a slice has a NaN if it is
        relaxed.

    Raises:
        TypeError: `x` is not real, or `where` not boolean.
        ValueError: `axis` is out of range, `where` does not broadcast to `x`, or no implementation has that
            name, or it has no matrix.

    >>> import jax.numpy as jnp, numpy as np
    >>> from diffsort.soft import SoftSort
    >>> np.asarray(soft_permutation(jnp.array([3., 1., 2.]), implementation=SoftSort(0.5))).round(1)
    array([[0. , 0.9, 0.1],
           [0.1, 0.1, 0.8],
           [0.9, 0. , 0.1]], dtype=float32)
    """
    array, axis, mask = _prepare(x, axis, where)
    chosen = get_implementation(implementation)
    return _soft_permutation(chosen, array, axis, mask, flag(descending, "descending"))


def top_k_mask(
    x: ArrayLike,
    k: int,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "lapsum",
) -> jax.Array:
    """Returns how far each element is among the `k` greatest: a number in [0, 1], in sum k.

    With an exact implementation it is 1 for the k greatest elements, of equal ones the first, and 0 for the
    others, and its derivative is 0.

    The rows of the k greatest ranks of P, summed. Where columns of P do not sum to 1, for `SoftSort` and
    `NeuralSort`, a sum may be greater than 1; then the nearest numbers in [0, 1] of sum k are taken.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        k: how many, 0 ≤ k ≤ n.
        axis: the axis to choose along.
        where: boolean mask, broadcastable to `x`; masked elements have 0, and where fewer than k are left,
            all of these have 1.
        implementation: a relaxed sort of `diffsort.soft`, or any that has a permutation.

    Returns:
        The mask, floating, of the shape of `x`; NaN in a slice with a NaN if it is relaxed.

    Raises:
        TypeError: `x` is not real, `where` not boolean, or `k` not an integer.
        ValueError: `k` is negative or greater than n, `axis` is out of range, `where` does not broadcast to
            `x`, or no implementation has that name, or it has no mask.

    >>> import jax.numpy as jnp, numpy as np
    >>> from diffsort.soft import SoftSort
    >>> np.asarray(top_k_mask(jnp.array([3., 1., 2.]), 2, implementation=SoftSort(0.5))).round(1)
    array([1. , 0.1, 0.9], dtype=float32)
    """
    array, axis, mask = _prepare(x, axis, where)
    k, n = integer(k, "k"), array.shape[axis]
    if not 0 <= k <= n:
        raise ValueError(f"k={k} is not between 0 and {n}, the length of axis {axis}.")
    return _top_k_mask(get_implementation(implementation), array, k, axis, mask)


@_compiled
def _soft_rank(
    chosen: Chosen, x: jax.Array, axis: int, where: jax.Array | None, descending: bool
) -> jax.Array:
    find = functools.partial(_way(chosen, "soft_rank"), axis=axis, descending=descending)
    with jax.named_scope("diffsort.soft_rank"):
        return _sharding.on_shards(find, axis, x, where=where)


@_compiled
def _soft_permutation(
    chosen: Chosen, x: jax.Array, axis: int, where: jax.Array | None, descending: bool
) -> jax.Array:
    x, where = jax.tree.map(lambda a: jnp.moveaxis(a, axis, -1), (x, where))
    find = functools.partial(_way(chosen, "soft_permutation"), axis=x.ndim - 1, descending=descending)
    with jax.named_scope("diffsort.soft_permutation"):
        return _sharding.on_shards(find, x.ndim - 1, x, where=where, more=1)


@functools.partial(jax.jit, static_argnames=("k", "axis"))
def _top_k_mask(chosen: Chosen, x: jax.Array, k: int, axis: int, where: jax.Array | None) -> jax.Array:
    find = functools.partial(_way(chosen, "top_k_mask"), k=k, axis=axis)
    with jax.named_scope("diffsort.top_k_mask"):
        return _sharding.on_shards(find, axis, x, where=where)


def _way(chosen: Chosen, name: str) -> Callable[..., jax.Array]:
    """How an implementation computes one of these: by itself if it is relaxed, else by its permutation."""
    if isinstance(chosen, RelaxedSort):
        way: Callable[..., jax.Array] = getattr(chosen, name)
        return way
    exact: dict[str, Callable[..., jax.Array]]
    exact = {"soft_rank": exact_rank, "soft_permutation": exact_permutation, "top_k_mask": exact_top_k_mask}
    return functools.partial(exact[name], argsort=chosen.permutation())


def _prepare(x: ArrayLike, axis: int, where: ArrayLike | None) -> tuple[jax.Array, int, jax.Array | None]:
    array = as_floating(x, "x")
    mask = None if where is None else mask_like(where, array)
    if mask is not None:
        array = zero_masked(array, mask)
    return array, canonical_axis(axis, array.ndim), mask
