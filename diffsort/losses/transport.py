"""The Wasserstein distance in one dimension: between quantile functions, since sorting is what is optimal."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import number_in
from diffsort._precision import computing_dtype
from diffsort._ranked import elements_at
from diffsort._sorting import positions
from diffsort.implementations import Chosen, ImplementationLike
from diffsort.keys import sort_key_val
from diffsort.losses._samples import Sample, compare
from diffsort.sorting import sort, sort_with_indices

__all__ = ["wasserstein_1d"]


def wasserstein_1d(
    predictions: ArrayLike,
    targets: ArrayLike,
    p: float = 1.0,
    axis: int = -1,
    *,
    weights: ArrayLike | None = None,
    target_weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    target_where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the Wasserstein distance of two samples of numbers, to the power p.

    $W_p^p = \int_0^1 |F^{-1}(u) - G^{-1}(u)|^p \, du$ with the quantile functions of the two. Of samples of
    one size without weights it is the mean of $|x_{(k)} - y_{(k)}|^p$. It is the power that is returned, as
    in POT's function of the same name: its root has no gradient where the samples agree.

    Args:
        predictions: one sample along `axis`, for each of the other axes; floating.
        targets: the other, floating; the size along `axis` need not be that of `predictions`.
        p: p ≥ 1.
        axis: the axis of the elements.
        weights: of the predictions, floating, broadcastable to them. Non-negative, which is checked where
            they are known, and normalised to sum 1. The result is differentiable in them.
        target_weights: of the targets.
        where: boolean mask, broadcastable to `predictions`.
        target_where: boolean mask, broadcastable to `targets`.
        implementation: as in `diffsort.sort`. With weights, masks or different sizes it must have a
            permutation.

    Returns:
        The distance to the power p, of the shape of `predictions` without `axis`; NaN where an element is,
        and of an axis of length 0; 0 where a sample is all masked or has no weight.

    Raises:
        TypeError: `p` is not a Python number.
        ValueError: `p` is less than 1 or infinite, or a weight that is known is negative.

    Source: G. Peyré and M. Cuturi, Computational Optimal Transport, 2019, remark 2.30.

    >>> import jax, jax.numpy as jnp
    >>> wasserstein_1d(jnp.array([3., 1.]), jnp.array([0., 5.]))
    Array(1.5, dtype=float32)
    >>> wasserstein_1d(jnp.array([3., 1.]), jnp.array([4.]), p=2)
    Array(5., dtype=float32)
    >>> jax.grad(wasserstein_1d)(jnp.array([3., 1.]), jnp.array([0., 5.]))
    Array([-0.5,  0.5], dtype=float32)
    """
    p = number_in(p, "p", 1, math.inf)
    return compare(
        transport_cost,
        predictions,
        targets,
        axis,
        (weights, target_weights),
        (where, target_where),
        implementation,
        p,
    )


def transport_cost(x: Sample, y: Sample, implementation: Chosen, p: float) -> jax.Array:
    """Returns what `wasserstein_1d` defines, along the last axis, in float32 at least."""
    dtype = computing_dtype(x.values.dtype)
    n, m = x.values.shape[-1], y.values.shape[-1]
    if x.is_plain and y.is_plain and n == m > 0:
        first, second = (sort(s.values, implementation=implementation).astype(dtype) for s in (x, y))
        return jnp.mean(_power(first - second, p), -1)
    if 0 in (n, m):
        return jnp.full(x.values.shape[:-1], jnp.nan, dtype)
    (first, first_mass), (second, second_mass) = (
        _cumulative(x, implementation),
        _cumulative(y, implementation),
    )
    first_whole, second_whole = first_mass[..., -1:], second_mass[..., -1:]
    # Each level by the mass of both samples: with masses of 1 these are integers.
    both = jnp.concatenate([first_mass * second_whole, second_mass * first_whole], -1)
    levels, indices = sort_with_indices(both, implementation=implementation)
    # Between two neighbouring levels both quantile functions are constant, and take the value of the first
    # element whose level has not been passed.
    is_of_first = (indices < n).astype(jnp.int32)
    passed = jnp.cumsum(is_of_first, -1) - is_of_first
    position = positions(n + m, levels.ndim, -1)
    # The last element stands for those that rounding puts behind it.
    gap = elements_at(first, passed, -1) - elements_at(second, position - passed, -1)
    width = jnp.diff(levels, axis=-1, prepend=jnp.zeros_like(levels[..., :1]))
    gap = jnp.where((width == 0) & jnp.isinf(gap), jnp.zeros_like(gap), gap)  # 0 × inf would be NaN
    cost, whole = jnp.sum(_power(gap, p) * width, -1), jnp.squeeze(first_whole * second_whole, -1)
    is_empty = whole == 0
    return jnp.where(is_empty, jnp.zeros_like(cost), cost / jnp.where(is_empty, jnp.ones_like(whole), whole))


def _cumulative(x: Sample, implementation: Chosen) -> tuple[jax.Array, jax.Array]:
    """Returns the sorted values, and the mass up to each."""
    values, mass = sort_key_val(x.values, x.masses(), where=x.where, implementation=implementation)
    return values.astype(mass.dtype), jnp.cumsum(mass, -1)


def _power(gap: jax.Array, p: float) -> jax.Array:
    if p.is_integer():  # by the sign, whose product with the gap has derivative 0 at 0, not by jnp.abs
        return gap ** int(p) * jnp.sign(gap) if p % 2 else gap ** int(p)
    # Away from 0, where the derivatives of a power that is no integer become infinite.
    is_zero = gap == 0
    distance = jnp.abs(jnp.where(is_zero, jnp.ones_like(gap), gap))
    return jnp.where(is_zero, jnp.zeros_like(gap), distance**p)
