"""Sorting and its relatives: differentiable, masked, along any axis.

All of them raise a TypeError where what is sorted is not real or `where` is not boolean, and a ValueError
where `axis` is out of range, `where` does not broadcast to what is sorted, or no implementation has that name
or it is not available here. What one of them raises besides is in its docstring.
"""

from typing import Literal, get_args

import jax
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, flag, integer, mask_like, real_array
from diffsort._sorting import find_permutation, select_both, sort_both, sort_values, zero_masked
from diffsort._ties import shared_rank
from diffsort.implementations import ImplementationLike, get_implementation
from diffsort.permutations import invert

RankMethod = Literal["ordinal", "average", "min", "max", "dense"]


def sort(
    x: ArrayLike,
    axis: int | None = -1,
    *,
    descending: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Sorts `x` along `axis`: jax.numpy.sort, bit for bit, with a mask and a derivative of its own.

    NaNs sort last (first when descending), −0.0 and +0.0 are equal and both kept. (Where XLA is told to
    compute fast rather than exactly, by `--xla_cpu_enable_fast_math`, zeros and denormals may come in another
    order than jax.numpy's.) Sorting is a permutation P, so the tangent of the result is `P t` and the
    cotangent of `x` is `Pᵀ c`. Ties share out their gradients by position: in input order, and in reverse
    input order when descending, since jax.numpy.sort then reverses the ascending result.

    Args:
        x: array of any real dtype.
        axis: the axis to sort; None sorts the flattened array.
        descending: from the greatest down.
        where: boolean mask, broadcastable to `x`. Masked elements (False) come after all others, as 0;
            what they hold reaches no value and no gradient.
        implementation: how to sort and differentiate: "manual", "builtin" (JAX's own),
            "double_argsort" (the article's), a relaxed sort of `diffsort.soft`, or one that was registered.

    Returns:
        The sorted values, of the shape (flattened for `axis=None`) and dtype of `x`.

    Source: "Differentiating through sort" (2022), for the derivative.

    >>> import jax, jax.numpy as jnp
    >>> sort(jnp.array([3., 1., 2.]))
    Array([1., 2., 3.], dtype=float32)
    >>> jax.grad(lambda x: sort(x)[0])(jnp.array([3., 1., 2.]))
    Array([0., 1., 0.], dtype=float32)
    >>> sort(jnp.array([3., jnp.nan, 2.]), where=jnp.array([True, False, True]))
    Array([2., 3., 0.], dtype=float32)
    """
    chosen = get_implementation(implementation)
    x, axis, where = _prepare(x, axis, where)
    return sort_values(chosen, x, axis, where, flag(descending, "descending"))


def sort_with_indices(
    x: ArrayLike,
    axis: int | None = -1,
    *,
    descending: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> tuple[jax.Array, jax.Array]:
    """Sorts `x` along `axis` and returns the permutation too: `values == x[indices]`.

    Args:
        x: array of any real dtype.
        axis: the axis to sort; None sorts the flattened array.
        descending: from the greatest down; ties stay in input order, as in jax.numpy.argsort.
        where: boolean mask, broadcastable to `x`; masked elements come last, as 0.
        implementation: as in `sort`; it must have a permutation.

    Returns:
        (values, indices): the values differentiable, the indices int32.

    Raises:
        ValueError: `implementation` has no permutation.

    >>> import jax.numpy as jnp
    >>> sort_with_indices(jnp.array([3., 1., 2.]))
    (Array([1., 2., 3.], dtype=float32), Array([1, 2, 0], dtype=int32))
    """
    chosen = get_implementation(implementation)
    x, axis, where = _prepare(x, axis, where)
    return sort_both(chosen, x, axis, where, flag(descending, "descending"))


def argsort(
    x: ArrayLike,
    axis: int | None = -1,
    *,
    descending: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the stable permutation that sorts `x` along `axis`, as jax.numpy.argsort does.

    Args:
        x: array of any real dtype.
        axis: the axis to sort; None sorts the flattened array.
        descending: from the greatest down; ties stay in input order.
        where: boolean mask, broadcastable to `x`; masked elements come last, in input order.
        implementation: as in `sort`; it must have a permutation.

    Returns:
        int32 indices, of the shape of `x` (flattened for `axis=None`).

    Raises:
        ValueError: `implementation` has no permutation.

    >>> import jax.numpy as jnp
    >>> argsort(jnp.array([3., 1., 2.]))
    Array([1, 2, 0], dtype=int32)
    """
    chosen = get_implementation(implementation)
    x, axis, where = _prepare(x, axis, where)
    return find_permutation(chosen, x, axis, where, flag(descending, "descending"))


def rank(
    x: ArrayLike,
    axis: int | None = -1,
    *,
    method: RankMethod = "ordinal",
    descending: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the position of each element in the sorted order, from 0: the inverse of `argsort`.

    Equal elements stand side by side in that order, and `method` says which rank of theirs each gets. One
    sort does for all methods.

    Args:
        x: array of any real dtype.
        axis: the axis to rank along; None ranks the flattened array.
        method: "ordinal", a rank for each in input order; or of all equal ones "min", the first rank, "max",
            the last, "average", the mean; or "dense", how many different elements come before. As in
            scipy.stats.rankdata, which counts from 1. NaNs are equal, and rank where they are sorted.
        descending: rank 0 for the greatest; "ordinal" ranks ties in input order then, too.
        where: boolean mask, broadcastable to `x`; masked elements rank after all others, and are equal.
        implementation: as in `sort`; it must have a permutation.

    Returns:
        int32 ranks, of the shape of `x` (flattened for `axis=None`); floating ones for "average", in JAX's
        default dtype.

    Raises:
        ValueError: `method` is unknown, or `implementation` has no permutation.

    >>> import jax.numpy as jnp
    >>> rank(jnp.array([3., 1., 2.]))
    Array([2, 0, 1], dtype=int32)
    >>> rank(jnp.array([3., 1., 3., 5.]), method="average")
    Array([1.5, 0. , 1.5, 3. ], dtype=float32)
    """
    if method not in get_args(RankMethod):
        raise ValueError(f"method={method!r} is not one of {', '.join(map(repr, get_args(RankMethod)))}.")
    chosen = get_implementation(implementation)
    x, axis, where = _prepare(x, axis, where)
    descending = flag(descending, "descending")
    if method != "ordinal":
        return shared_rank(chosen, x, axis, where, descending, method)
    return invert(find_permutation(chosen, x, axis, where, descending), axis)


def top_k(
    x: ArrayLike,
    k: int,
    axis: int = -1,
    *,
    largest: bool = True,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> tuple[jax.Array, jax.Array]:
    """Returns the `k` greatest elements along `axis`, from the greatest down, and where they stood.

    They are the first k that `sort_with_indices` returns, found without the sort of all others. The
    cotangent of `x` is zero but for these elements.

    Args:
        x: array of any real dtype.
        k: how many, 0 ≤ k ≤ n.
        axis: the axis to select along.
        largest: if False, the k smallest, from the smallest up. A NaN is greater than any number.
        where: boolean mask, broadcastable to `x`. Masked elements are taken last, as 0.
        implementation: as in `sort`; it must have a permutation.

    Returns:
        (values, indices) with length `k` along `axis`: the values differentiable, the indices int32. Of
        equal elements the first comes first.

    Raises:
        TypeError: `k` is not a Python integer.
        ValueError: `k` is negative or greater than n, or `implementation` has no permutation.

    >>> import jax.numpy as jnp
    >>> top_k(jnp.array([3., 1., 2.]), 2)
    (Array([3., 2.], dtype=float32), Array([0, 2], dtype=int32))
    >>> top_k(jnp.array([3., 1., 2.]), 2, largest=False)
    (Array([1., 2.], dtype=float32), Array([1, 2], dtype=int32))
    """
    chosen = get_implementation(implementation)
    array = real_array(x)
    axis = canonical_axis(axis, array.ndim)
    n = array.shape[axis]
    k = integer(k, "k")
    if not 0 <= k <= n:
        raise ValueError(f"k={k} is not between 0 and {n}, the length of axis {axis}.")
    array, axis, where = _prepare(array, axis, where)
    return select_both(chosen, array, axis, where, 0, k, descending=flag(largest, "largest"))


def _prepare(
    x: ArrayLike, axis: int | None, where: ArrayLike | None
) -> tuple[jax.Array, int, jax.Array | None]:
    """Checks the arguments; zeroes what is masked; flattens for `axis=None`."""
    array = real_array(x)
    mask = None if where is None else mask_like(where, array)
    if mask is not None:
        array = zero_masked(array, mask)
    if axis is None:
        array, axis = array.reshape(-1), 0
        mask = None if mask is None else mask.reshape(-1)
    return array, canonical_axis(axis, array.ndim), mask
