"""Energy distances: between two samples, and between an ensemble and what was observed."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, floating
from diffsort.losses._samples import Sample, compared, without
from diffsort.sorting import sort_key_val
from diffsort.statistics._ranked import Ranked, statistic


def energy_distance(
    predictions: ArrayLike,
    targets: ArrayLike,
    axis: int = -1,
    *,
    weights: ArrayLike | None = None,
    target_weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    target_where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns Székely's energy distance of two samples of numbers, squared.

    $D^2 = 2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 \int (F - G)^2 \, dx$: with the two samples sorted as one,
    O(n log n), not O(n²). `scipy.stats.energy_distance` is its root, which has no gradient at 0.

    Args:
        predictions: one sample along `axis`, for each of the other axes; floating.
        targets: the other, floating; the size along `axis` need not be that of `predictions`.
        axis: the axis of the elements.
        weights: of the predictions, floating, broadcastable to them. Non-negative (this is not checked), and
            normalised to sum 1. The result is differentiable in them.
        target_weights: of the targets.
        where: boolean mask, broadcastable to `predictions`.
        target_where: boolean mask, broadcastable to `targets`.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        The squared distance, of the shape of `predictions` without `axis`; NaN where an element is, 0 where a
        sample is all masked or has no weight.

    Raises:
        TypeError: a dtype does not fit.
        ValueError: `axis`, a shape or `implementation` does not fit.

    Source: G. J. Székely and M. L. Rizzo, Energy statistics: a class of statistics based on distances, 2013.

    >>> import jax, jax.numpy as jnp
    >>> energy_distance(jnp.array([3., 1.]), jnp.array([2.]))
    Array(1., dtype=float32)
    >>> jax.grad(energy_distance)(jnp.array([3., 1.]), jnp.array([2.]))
    Array([ 0.5, -0.5], dtype=float32)
    """
    return compared(
        _energy,
        predictions,
        targets,
        axis,
        (weights, target_weights),
        (where, target_where),
        implementation,
    )


def crps_ensemble(
    predictions: ArrayLike,
    targets: ArrayLike,
    axis: int = -1,
    *,
    fair: bool = False,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Returns the continuous ranked probability score of an ensemble.

    $E|X - y| - \frac{1}{2} E|X - X'| = \int (F(x) - [y \le x])^2 \, dx$, half the squared energy distance
    between the ensemble and the observation y; O(m log m). The fair score takes the mean of $|X - X'|$ over
    pairs of different members, and so expects of m members what it would of infinitely many.

    Args:
        predictions: the members along `axis`, floating.
        targets: the observations, floating, of the shape of `predictions` without `axis`.
        axis: the axis of the members.
        fair: divide by m (m − 1) where the mean over all pairs divides by m². A single member has no pair,
            and scores its absolute error either way.
        where: boolean mask, broadcastable to `predictions`; m counts the unmasked members.
        implementation: as in `diffsort.sort`.

    Returns:
        The score, of the shape of `targets`; NaN where a member or the observation is, 0 where all members
        are masked.

    Raises:
        TypeError: a dtype does not fit.
        ValueError: `axis`, a shape or `implementation` does not fit.

    Source: T. Gneiting and A. E. Raftery, Strictly proper scoring rules, prediction, and estimation, 2007,
    equation 21; fair: C. A. T. Ferro, Fair scores for ensemble forecasts, 2014.

    >>> import jax.numpy as jnp
    >>> members, observed = jnp.array([4., 0.]), jnp.array(1.)
    >>> crps_ensemble(members, observed)
    Array(1., dtype=float32)
    >>> crps_ensemble(members, observed, fair=True)
    Array(0., dtype=float32)
    """
    x, y = floating(predictions, "predictions"), floating(targets, "targets")
    axis = canonical_axis(axis, x.ndim)
    if y.shape != without(x.shape, axis):
        raise ValueError(
            f"targets of shape {y.shape} do not fit predictions of shape {x.shape}: expected "
            f"{without(x.shape, axis)}, one observation for all members along axis {axis}."
        )
    dtype = jnp.promote_types(x.dtype, y.dtype)
    return statistic(
        _crps, x.astype(dtype), axis, where, implementation, bool(fair), operands=(y.astype(dtype),)
    )


def _energy(x: Sample, y: Sample, implementation: str) -> jax.Array:
    first, second = x.masses(), y.masses()
    first_whole, second_whole = (jnp.sum(mass, -1, keepdims=True) for mass in (first, second))
    where = None
    if x.where is not None or y.where is not None:
        masks = (jnp.ones_like(s.values, bool) if s.where is None else s.where for s in (x, y))
        where = jnp.concatenate(list(masks), -1)
    values, mass = sort_key_val(
        jnp.concatenate([x.values, y.values], -1),
        # Each by the mass of both samples: with masses of 1 these are integers.
        jnp.concatenate([first * second_whole, -second * first_whole], -1),
        where=where,
        implementation=implementation,
    )
    gap = jnp.diff(values.astype(mass.dtype), axis=-1)
    if where is not None:
        position = jnp.arange(1, values.shape[-1], dtype=jnp.int32).reshape((1,) * (values.ndim - 1) + (-1,))
        count = jnp.sum(where, -1, keepdims=True, dtype=jnp.int32)
        gap = jnp.where(position < count, gap, jnp.zeros_like(gap))
    whole = first_whole * second_whole
    is_empty = whole == 0
    difference = jnp.cumsum(mass, -1)[..., :-1] / jnp.where(is_empty, jnp.ones_like(whole), whole)
    squared = 2 * jnp.sum(difference**2 * gap, -1)
    return jnp.where(jnp.squeeze(is_empty, -1), jnp.zeros_like(squared), squared)


def _crps(elements: Ranked, fair: bool, targets: jax.Array) -> jax.Array:
    k, n = elements.position, jnp.maximum(elements.count, 1)
    errors = elements.values - jnp.expand_dims(targets.astype(elements.values.dtype), elements.axis)
    errors = jnp.where(k < elements.count, errors, jnp.zeros_like(errors))
    # The weights of E|X − X'| sum to 0, so they may weigh the errors too, which are smaller than the values.
    spread = (2 * k - n + 1) / (n * jnp.maximum(n - 1, 1) if fair else n * n)
    weights = jnp.sign(errors) / n - spread
    return elements.finished(jnp.sum(weights * errors, elements.axis, keepdims=True))
