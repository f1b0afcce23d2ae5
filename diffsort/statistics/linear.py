"""Order statistics as one idea: a weighted sum of the sorted elements."""

import functools
import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import as_floating, canonical_axes, fits, flag, floating
from diffsort._ranked import as_slices, join, weighted_sum
from diffsort._sorting import sort_values
from diffsort.implementations import Chosen, ImplementationLike, get_implementation

__all__ = ["l_statistic"]


def l_statistic(
    x: ArrayLike,
    weights: ArrayLike,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the L-statistic $\sum_k w_k x_{(k)}$, where $x_{(k)}$ is the k-th smallest element.

    Its gradient is `w[rank(x)]` for x and the sorted elements for the weights: one permutation is kept
    for both, and nothing is sorted again.

    Args:
        x: real array; integers are taken as floats, as by jax.numpy.mean.
        weights: floating; one-dimensional, of length n, or broadcastable to the shape of `x`; entry k along
            `axis` weighs the k-th smallest.
        axis: the axis or axes to sort and sum over, several as one of their joint length; None for all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `x`. The weights then go to the unmasked elements, smallest
            first, and those left over have no effect. With all masked the result is 0.
        implementation: as in `diffsort.sort`.

    Returns:
        The statistic, of the shape of `x` without `axis`, in the common dtype of `x` and `weights`.

    Raises:
        TypeError: `weights` is not floating.
        ValueError: `weights` has neither one entry for each element nor a shape that broadcasts to that of
            `x`.

    Source: H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed. (2003), section 6.5 and chapter 11.

    >>> import jax, jax.numpy as jnp
    >>> x = jnp.array([3., 1., 2.])
    >>> weights = jnp.array([0.5, 0.3, 0.2])
    >>> float(l_statistic(x, weights)).__round__(4)
    1.7
    >>> jax.grad(l_statistic)(x, weights)
    Array([0.2, 0.5, 0.3], dtype=float32)
    """
    chosen = get_implementation(implementation)
    array, weights = as_floating(x, "x"), floating(weights, "weights")
    axes, keepdims = canonical_axes(axis, array.ndim), flag(keepdims, "keepdims")
    weights = _align(weights, array.shape, axes)
    array, mask, along = as_slices(array, axes, where)
    if weights.ndim > 1 and len(axes) != 1:
        weights = join(weights, axes)
    if weights.ndim != array.ndim:
        weights = weights.reshape([-1 if d == along else 1 for d in range(array.ndim)])
    found = _compute(array, weights, mask, along, chosen)
    return jnp.expand_dims(found, sorted(axes)) if keepdims else found


@functools.partial(jax.jit, static_argnames="axis")
def _compute(
    x: jax.Array, weights: jax.Array, where: jax.Array | None, axis: int, chosen: Chosen
) -> jax.Array:
    return weighted_sum(sort_values(chosen, x, axis, where), weights, axis, where)


def _align(weights: jax.Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> jax.Array:
    """Returns the weights, of one axis or with the rank of x and whole along `axes`."""
    n = math.prod(shape[d] for d in axes)
    over = f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"
    if weights.ndim == 1:
        if weights.shape[0] != n:
            raise ValueError(
                f"weights has length {weights.shape[0]}, but {over} of x has {n} "
                "elements: give one weight for each."
            )
        return weights
    if not fits(weights.shape, shape, axes):
        raise ValueError(
            f"weights of shape {weights.shape} do not fit x of shape {shape}: give one dimension of "
            f"length {n}, or the rank of x with length 1 or equal off {over}."
        )
    return weights
