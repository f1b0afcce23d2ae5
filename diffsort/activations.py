"""Activations that sort: they permute their input, so they keep norms, of gradients too.

All of them raise a TypeError where `x` is not real, and a ValueError where `axis` is out of range or no
implementation has that name.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, real_array, require_positive
from diffsort.implementations import Chosen, ImplementationLike, get_implementation
from diffsort.permutations import linear_permutation
from diffsort.sorting import sort

__all__ = ["full_sort", "group_sort", "max_min"]


def group_sort(
    x: ArrayLike, group_size: int, axis: int = -1, *, implementation: ImplementationLike = "manual"
) -> jax.Array:
    """GroupSort: sorts each group of neighbours along `axis`, the smallest first.

    Wherever it is differentiated, its Jacobian is a permutation matrix, at ties too: they stay in input
    order. So it is 1-Lipschitz in every p-norm, and gradients keep their norm.

    Args:
        x: array of any real dtype.
        group_size: how many neighbours make a group; divides the length of `axis`.
        axis: the axis that is cut into groups.
        implementation: as in `diffsort.sort`. "manual" compares and exchanges pairs, to the same bits.

    Returns:
        An array of the shape and dtype of `x`. NaNs come last in their group.

    Raises:
        TypeError: `group_size` is not an integer.
        ValueError: `group_size` is less than 1, or does not divide the length of `axis`.

    Source: C. Anil, J. Lucas, R. Grosse, Sorting out Lipschitz function approximation, ICML 2019.

    >>> import jax, jax.numpy as jnp
    >>> group_sort(jnp.array([3., 1., 2., 6., 5., 4.]), 3)
    Array([1., 2., 3., 4., 5., 6.], dtype=float32)
    >>> jax.jacobian(group_sort)(jnp.array([7., 7.]), 2)
    Array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    array = real_array(x)
    axis = canonical_axis(axis, array.ndim)
    require_positive(group_size=group_size)
    n = array.shape[axis]
    if n % group_size:
        raise ValueError(f"group_size={group_size} does not divide {n}, the length of axis {axis}.")
    return _sorted_groups(array, group_size, axis, get_implementation(implementation))


def max_min(x: ArrayLike, axis: int = -1) -> jax.Array:
    """MaxMin: GroupSort with groups of two, by a comparison; of each pair the smaller comes first.

    Args:
        x: array of any real dtype.
        axis: the axis whose neighbours are paired; of even length.

    Returns:
        An array of the shape and dtype of `x`; ties and NaNs as in `group_sort`.

    Raises:
        ValueError: the length of `axis` is odd.

    Source: C. Anil, J. Lucas, R. Grosse, Sorting out Lipschitz function approximation, ICML 2019.

    >>> import jax.numpy as jnp
    >>> max_min(jnp.array([3., 1., 2., 6.]))
    Array([1., 3., 2., 6.], dtype=float32)
    """
    return group_sort(x, 2, axis)


def full_sort(x: ArrayLike, axis: int = -1, *, implementation: ImplementationLike = "manual") -> jax.Array:
    """FullSort: GroupSort with one group, which is `diffsort.sort`.

    Args:
        x: array of any real dtype.
        axis: the axis to sort.
        implementation: as in `diffsort.sort`.

    Returns:
        An array of the shape and dtype of `x`; ties and NaNs as in `group_sort`.

    Source: C. Anil, J. Lucas, R. Grosse, Sorting out Lipschitz function approximation, ICML 2019.

    >>> import jax.numpy as jnp
    >>> full_sort(jnp.array([3., 1., 2., 6.]))
    Array([1., 2., 3., 6.], dtype=float32)
    """
    array = real_array(x)
    return sort(array, canonical_axis(axis, array.ndim), implementation=implementation)


@functools.partial(jax.jit, static_argnames=("group_size", "axis"))
def _sorted_groups(x: jax.Array, group_size: int, axis: int, chosen: Chosen) -> jax.Array:
    count = x.shape[axis] // group_size
    groups = x.reshape(*x.shape[:axis], count, group_size, *x.shape[axis + 1 :])
    if group_size == 2 and chosen.name == "manual":
        ordered = _sorted_pairs(groups, axis + 1)
    else:
        ordered = sort(groups, axis + 1, implementation=chosen)
    return ordered.reshape(x.shape)


def _sorted_pairs(pairs: jax.Array, axis: int) -> jax.Array:
    first, second = (lax.slice_in_dim(lax.stop_gradient(pairs), i, i + 1, axis=axis) for i in (0, 1))
    swap = second < first
    if jnp.issubdtype(pairs.dtype, jnp.floating):
        swap |= jnp.isnan(first) & ~jnp.isnan(second)
    # minimum and maximum would halve the gradients of ties. An exchange is its own inverse.
    return linear_permutation(pairs, swap, axis, _exchange, _exchange)


def _exchange(pairs: jax.Array, swap: jax.Array, axis: int) -> jax.Array:
    return jnp.where(swap, lax.rev(pairs, (axis,)), pairs)
