"""Order statistics as one idea: a weighted sum of the sorted elements."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, floating, mask_like
from diffsort.sorting import sort


def l_statistic(
    x: ArrayLike,
    weights: ArrayLike,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the L-statistic $\sum_k w_k x_{(k)}$, where $x_{(k)}$ is the k-th smallest element.

    Its gradient is `w[rank(x)]` for x and the sorted elements for the weights: one permutation is kept
    for both, and nothing is sorted again.

    Args:
        x: array of a floating dtype.
        weights: one-dimensional, of length n, or broadcastable to the shape of `x`; entry k along `axis`
            weighs the k-th smallest.
        axis: the axis to sort and sum over.
        where: boolean mask, broadcastable to `x`. The weights then go to the unmasked elements, smallest
            first, and those left over have no effect. With all masked the result is 0.
        implementation: as in `diffsort.sort`.

    Returns:
        The statistic, of the shape of `x` without `axis`, in the common dtype of `x` and `weights`.

    Raises:
        TypeError: `x` or `weights` is not floating, or `where` not boolean.
        ValueError: `axis`, `weights`, `where` or `implementation` does not fit.

    Source: H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed. (2003), section 6.5 and chapter 11.

    >>> import jax, jax.numpy as jnp
    >>> x = jnp.array([3., 1., 2.])
    >>> weights = jnp.array([0.5, 0.3, 0.2])
    >>> float(l_statistic(x, weights)).__round__(4)
    1.7
    >>> jax.grad(l_statistic)(x, weights)
    Array([0.2, 0.5, 0.3], dtype=float32)
    """
    array, weights = floating(x, "x"), floating(weights, "weights")
    axis = canonical_axis(axis, array.ndim)
    weights = _aligned(weights, array.shape, axis)
    ordered = sort(array, axis, where=where, implementation=implementation)
    return weigh_sorted(ordered, weights, axis, None if where is None else mask_like(where, array))


def weigh_sorted(ordered: jax.Array, weights: jax.Array, axis: int, where: jax.Array | None) -> jax.Array:
    """Returns the L-statistic of elements that are in order already.

    Args:
        ordered: sorted along `axis`, masked elements last and 0.
        weights: of the rank of `ordered`.
        axis: the axis to sum over; non-negative.
        where: the mask that it was sorted with, of the shape of `ordered`, or None.
    """
    if where is not None:
        count = jnp.sum(where, axis, keepdims=True, dtype=jnp.int32)
        position = jnp.arange(ordered.shape[axis], dtype=jnp.int32)
        position = position.reshape([-1 if d == axis else 1 for d in range(ordered.ndim)])
        weights = jnp.where(position < count, weights, jnp.zeros_like(weights))
    dtype = jnp.promote_types(ordered.dtype, weights.dtype)
    return jnp.sum(ordered.astype(dtype) * weights.astype(dtype), axis)


def _aligned(weights: jax.Array, shape: tuple[int, ...], axis: int) -> jax.Array:
    """Returns the weights with the rank of x."""
    if weights.ndim == 1:
        if weights.shape[0] != shape[axis]:
            raise ValueError(
                f"weights has length {weights.shape[0]}, but axis {axis} of x has {shape[axis]} "
                "elements: give one weight for each."
            )
        return weights.reshape([-1 if d == axis else 1 for d in range(len(shape))])
    fits = len(weights.shape) == len(shape) and all(
        w == n or (w == 1 and d != axis) for d, (w, n) in enumerate(zip(weights.shape, shape, strict=True))
    )
    if not fits:
        raise ValueError(
            f"weights of shape {weights.shape} do not fit x of shape {shape}: give one dimension of "
            f"length {shape[axis]}, or the rank of x with length 1 or equal off axis {axis}."
        )
    return weights
