"""Energy distances: between two samples, and between an ensemble and what was observed."""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, floating, number_in
from diffsort._precision import computing_dtype
from diffsort._ranked import Ranked, elements_at, statistic
from diffsort._sorting import count_valid, positions
from diffsort.implementations import Chosen, ImplementationLike
from diffsort.losses._samples import Sample, compare, without
from diffsort.sorting import sort_key_val

__all__ = ["crps_ensemble", "energy_distance"]


def energy_distance(
    predictions: ArrayLike,
    targets: ArrayLike,
    axis: int = -1,
    *,
    weights: ArrayLike | None = None,
    target_weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    target_where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns Székely's energy distance of two samples of numbers, squared.

    $D^2 = 2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 \int (F - G)^2 \, dx$: with the two samples sorted as one,
    O(n log n), not O(n²). `scipy.stats.energy_distance` is its root, which has no gradient at 0.

    Args:
        predictions: one sample along `axis`, for each of the other axes; floating.
        targets: the other, floating; the size along `axis` need not be that of `predictions`.
        axis: the axis of the elements.
        weights: of the predictions, floating, broadcastable to them. Non-negative, which is checked where
            they are known, and normalised to sum 1. The result is differentiable in them.
        target_weights: of the targets.
        where: boolean mask, broadcastable to `predictions`.
        target_where: boolean mask, broadcastable to `targets`.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        The squared distance, of the shape of `predictions` without `axis`; NaN where an element is, and of
        an axis of length 0; 0 where a sample is all masked or has no weight.

    Raises:
        ValueError: a weight that is known is negative, or `implementation` has no permutation.

    Source: G. J. Székely and M. L. Rizzo, Energy statistics: a class of statistics based on distances, 2013.

    >>> import jax, jax.numpy as jnp
    >>> energy_distance(jnp.array([3., 1.]), jnp.array([2.]))
    Array(1., dtype=float32)
    >>> jax.grad(energy_distance)(jnp.array([3., 1.]), jnp.array([2.]))
    Array([ 0.5, -0.5], dtype=float32)
    """
    return compare(
        _energy, predictions, targets, axis, (weights, target_weights), (where, target_where), implementation
    )


def crps_ensemble(
    predictions: ArrayLike,
    targets: ArrayLike,
    axis: int = -1,
    *,
    fair: float = False,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the continuous ranked probability score of an ensemble.

    $E|X - y| - \frac{1}{2} E|X - X'| = \int (F(x) - [y \le x])^2 \, dx$, half the squared energy distance
    between the ensemble and the observation y; O(m log m). The fair score takes the mean of $|X - X'|$ over
    pairs of different members, and so expects of m members what it would of infinitely many. It does not
    depend on where a member is that all others lie on one side of; the almost fair score, a mixture of the
    two, does.

    With weights of sum 1, $E|X - X'|$ is $\sum_{ij} w_i w_j |x_i - x_j|$, and the fair score divides that by
    $1 - \sum_i w_i^2$, the weight of all pairs of different members.

    Args:
        predictions: the members along `axis`, floating.
        targets: the observations, floating, of the shape of `predictions` without `axis`.
        axis: the axis of the members.
        fair: True to divide by m (m − 1) where the mean over all pairs divides by m²; or how much of the
            fair score there is to be in a mixture, from 0 (False) to 1. A single member has no pair, and
            scores its absolute error whatever this is.
        weights: of the members, real, non-negative, which is checked where they are known; broadcastable to
            `predictions`, or with one dimension, along `axis`. Only their proportions count. The result is
            differentiable in them.
        where: boolean mask, broadcastable to `predictions`; m counts the unmasked members.
        implementation: as in `diffsort.sort`.

    Returns:
        The score, of the shape of `targets`; NaN where a member or the observation is, or both are the same
        infinity, or a weight is not finite; +inf where else one is infinite, in the fair score too; 0 where
        all members are masked or have no weight.

    Raises:
        TypeError: `fair` is not a Python number, or `weights` not real.
        ValueError: `fair` is outside [0, 1], `targets` does not have the shape of `predictions` without
            `axis`, a weight that is known is negative, or `weights` does not fit `predictions`.

    Source: T. Gneiting and A. E. Raftery, Strictly proper scoring rules, prediction, and estimation, 2007,
    equation 21; fair: C. A. T. Ferro, Fair scores for ensemble forecasts, 2014; almost fair: S. Lang et al.,
    AIFS-CRPS, 2024.

    >>> import jax.numpy as jnp
    >>> members, observed = jnp.array([4., 0.]), jnp.array(1.)
    >>> crps_ensemble(members, observed)
    Array(1., dtype=float32)
    >>> crps_ensemble(members, observed, fair=True)
    Array(0., dtype=float32)
    >>> crps_ensemble(members, observed, weights=jnp.array([1, 3]))
    Array(0.75, dtype=float32)
    """
    x, y = floating(predictions, "predictions"), floating(targets, "targets")
    axis = canonical_axis(axis, x.ndim)
    if y.shape != without(x.shape, axis):
        raise ValueError(
            f"targets of shape {y.shape} do not fit predictions of shape {x.shape}: expected "
            f"{without(x.shape, axis)}, one observation for all members along axis {axis}."
        )
    fairness = number_in(fair, "fair", 0, math.inf)
    if fairness > 1:
        raise ValueError(f"fair={fairness:g} is not in [0, 1]: True or 1 is the fair score.")
    dtype = jnp.promote_types(x.dtype, y.dtype)
    return statistic(
        _crps,
        x,
        axis,
        where,
        implementation,
        fairness,
        y.astype(dtype),
        weights=weights,
        name="predictions",
        dtype=dtype,
    )


def _energy(x: Sample, y: Sample, implementation: Chosen) -> jax.Array:
    if 0 in (x.values.shape[-1], y.values.shape[-1]):
        return jnp.full(x.values.shape[:-1], jnp.nan, computing_dtype(x.values.dtype))
    first, second = x.masses(), y.masses()
    first_whole, second_whole = (jnp.sum(mass, -1, keepdims=True) for mass in (first, second))
    where = None
    if not (x.is_plain and y.is_plain):
        pairs = ((x, first), (y, second))
        where = jnp.concatenate([_is_point(sample, mass) for sample, mass in pairs], -1)
    values, mass = sort_key_val(
        jnp.concatenate([x.values, y.values], -1),
        # Each by the mass of both samples: with masses of 1 these are integers.
        jnp.concatenate([first * second_whole, -second * first_whole], -1),
        where=where,
        implementation=implementation,
    )
    after, before = values[..., 1:].astype(mass.dtype), values[..., :-1].astype(mass.dtype)
    gap = jnp.where(after == before, jnp.zeros_like(after), after - before)  # infinities may be equal
    position = positions(values.shape[-1], values.ndim, -1)
    if where is not None:
        count = count_valid(where, -1)
        gap = jnp.where(position[..., 1:] < count, gap, jnp.zeros_like(gap))
    whole = first_whole * second_whole
    is_empty = whole == 0
    difference = jnp.cumsum(mass, -1) / jnp.where(is_empty, jnp.ones_like(whole), whole)
    level = difference[..., :-1]
    gap = jnp.where(level == 0, jnp.zeros_like(gap), gap)  # 0 × inf would be NaN
    squared = jnp.sum(level**2 * lax.stop_gradient(gap), -1) + _slope(values, difference, position)
    return jnp.where(jnp.squeeze(is_empty, -1), jnp.zeros_like(squared), 2 * squared)


def _is_point(sample: Sample, mass: jax.Array) -> jax.Array:
    """Which elements there are: not those that are masked, nor infinite ones without weight."""
    is_there = (mass != 0) | ~jnp.isinf(sample.values)
    return is_there if sample.where is None else is_there & sample.where


def _slope(values: jax.Array, difference: jax.Array, position: jax.Array) -> jax.Array:
    """Returns 0, with the derivative of the squared distance by the values, halved.

    Between two neighbours the squared distance grows by the square of the difference F − G there, so that of
    equal elements only all together have a derivative. It is shared out by mass, which is what each gets in
    the mean over the orders that they might stand in.
    """
    axis = values.ndim - 1
    is_new = values[..., 1:] != values[..., :-1]
    edge = jnp.ones_like(is_new[..., :1])
    first = lax.cummax(jnp.where(jnp.concatenate([edge, is_new], -1), position, 0), axis)
    most = jnp.int32(values.shape[-1] - 1)
    last = lax.cummin(jnp.where(jnp.concatenate([is_new, edge], -1), position, most), axis, reverse=True)
    # Before each, and after all.
    until = jnp.concatenate([jnp.zeros_like(difference[..., :1]), difference], -1)
    around = elements_at(until, first, axis) + elements_at(until, last + 1, axis)
    finite = jnp.where(jnp.isfinite(values), values, jnp.zeros_like(values)).astype(difference.dtype)
    moved = finite - lax.stop_gradient(finite)
    return jnp.sum((until[..., :-1] - difference) * around * moved, -1)


def _crps(elements: Ranked, fairness: float, targets: jax.Array) -> jax.Array:
    errors = elements.values - jnp.expand_dims(targets.astype(elements.values.dtype), elements.axis)
    errors = jnp.where(elements.position < elements.count, errors, jnp.zeros_like(errors))
    each, below, above, whole, pairs, excess = _members(elements)
    # The weights of E|X − X'| sum to 0, so they may weigh the errors too, which are smaller than the values.
    # Without weights all is counted in whole numbers: of the fair score the extreme members weigh nothing.
    beyond = jnp.where(errors > 0, above, -below)
    beyond = jnp.where(errors == 0, (above - below) / 2, beyond)  # for the derivative at a tie
    is_single = pairs == 0  # and has no pair
    pairs = jnp.where(is_single, jnp.ones_like(pairs), pairs)
    plain = (1 - fairness) / (whole * whole)
    alone = jnp.where(is_single, 1 / whole, each * plain + fairness * excess / (whole * pairs))
    weights = each * (2 * (fairness / pairs + plain) * beyond + alone * jnp.sign(errors))
    is_out = weights == 0 if elements.masses is None else jnp.isinf(errors)
    finite = jnp.where(is_out, jnp.zeros_like(errors), errors)
    infinite = jnp.where(jnp.isinf(errors) & (each > 0), jnp.abs(errors), jnp.zeros_like(errors))
    score = jnp.sum(weights * finite + lax.stop_gradient(infinite), elements.axis, keepdims=True)
    return elements.finish(score)


def _members(elements: Ranked) -> tuple[jax.Array, ...]:
    """What a score weighs members by.

    Returns:
        The weight of each, of those below it, of those above it, and of all; of all pairs of different ones;
        and that of all times its own less the squares of all, which is 0 where they are equal.
    """
    masses, axis = elements.masses, elements.axis
    if masses is None:
        k, n = elements.position, jnp.maximum(elements.count, 1)
        below, above, whole = (elements.in_float(a) for a in (k, n - 1 - k, n))
        return jnp.ones_like(whole), below, above, whole, whole * (whole - 1), jnp.zeros_like(whole)
    each, whole = masses.each, masses.whole
    whole = jnp.where(whole == 0, jnp.ones_like(whole), whole)
    pairs = jnp.sum(each * (whole - each), axis, keepdims=True)
    excess = each * whole - jnp.sum(each * each, axis, keepdims=True)
    after = masses.after
    return each, after - each, whole - after, whole, pairs, excess
