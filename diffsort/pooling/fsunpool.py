"""FSUnpool: the inverse of featurewise sort pooling."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import mask_like, real_array
from diffsort.permutations import inverse_permutation, permute
from diffsort.pooling._relative_rank import as_knots, weights_by_rank


def featurewise_sort_unpool(
    x: ArrayLike, knots: ArrayLike, indices: ArrayLike, *, where: ArrayLike | None = None
) -> jax.Array:
    r"""Featurewise sort unpooling (FSUnpool): makes a set of n points of one vector of features.

    Feature c of the point that once was the k-th greatest becomes $f_c\!\left(\frac{k}{n-1}\right) x_c$,
    with $f_c$ as in `featurewise_sort_pool`: weights where that sums, and the inverse of its sorting.

    Args:
        x: features, shape (..., c), floating.
        knots: values of $f_c$ at $0, 1/p, \dots, 1$, shape (c, p + 1): the first goes to the greatest
            element, the last to the smallest.
        indices: permutations, shape (..., n, c): entry k says where the k-th greatest stood. Those that
            `featurewise_sort_pool` returns.
        where: boolean mask of the points, broadcastable to (..., n); the one that they were pooled with.
            n counts unmasked points.

    Returns:
        Points, shape (..., n, c); 0 where they are masked. Equivariant: what reorders the points that
        `indices` are of, reorders the result.

    Raises:
        TypeError: `x` or `knots` is not floating, `indices` are not integers, or `where` is not boolean.
        ValueError: the shapes do not fit.

    Source: Y. Zhang, J. Hare, A. Prügel-Bennett, FSPool: Learning Set Representations with Featurewise
    Sort Pooling, ICLR 2020, section 4.

    >>> import jax.numpy as jnp
    >>> knots = jnp.array([[1., 0.]])
    >>> featurewise_sort_unpool(jnp.array([8.]), knots, jnp.array([[1], [2], [0]]))
    Array([[0.],
           [8.],
           [4.]], dtype=float32)
    """
    x, indices = real_array(x), jnp.asarray(indices)
    for name, array in {"x": x, "knots": jnp.asarray(knots)}.items():
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise TypeError(f"{name} must be floating, not {array.dtype}; use {name}.astype(float).")
    if x.ndim < 1 or indices.ndim != x.ndim + 1 or (*indices.shape[:-2], indices.shape[-1]) != x.shape:
        raise ValueError(
            f"indices of shape {indices.shape} do not fit x of shape {x.shape}: "
            "expected the shape of x with the number of points before its last axis."
        )
    knots = as_knots(knots, x)
    mask = None if where is None else mask_like(where, indices[..., 0])
    return _unpooled(x, knots, indices, mask)


@jax.jit
def _unpooled(x: jax.Array, knots: jax.Array, indices: jax.Array, mask: jax.Array | None) -> jax.Array:
    n = indices.shape[-2]
    count = jnp.int32(n) if mask is None else jnp.sum(mask, -1, dtype=jnp.int32)
    weights = weights_by_rank(knots, n, count, descending=True)
    dtype = jnp.promote_types(x.dtype, weights.dtype)
    weights = weights.astype(dtype).reshape((1,) * (indices.ndim - weights.ndim) + weights.shape)
    values = jnp.broadcast_to(x.astype(dtype)[..., None, :], indices.shape)
    if mask is not None:
        position = jnp.arange(n, dtype=jnp.int32).reshape((1,) * (mask.ndim - 1) + (n,))
        is_there = (position < count[..., None])[..., None]
        # Both, and before the product: an empty set may have been pooled to anything.
        weights = jnp.where(is_there, weights, jnp.zeros_like(weights))
        values = jnp.where(is_there, values, jnp.zeros_like(values))
    return permute(values * weights, inverse_permutation(indices, -2), -2)
