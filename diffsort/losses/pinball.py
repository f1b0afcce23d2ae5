"""Quantile regression: the loss whose minimiser is a quantile."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import canonical_axis, concrete, floating, mask_like
from diffsort._masses import sample_weights
from diffsort._precision import computing_dtype
from diffsort.losses._samples import without

__all__ = ["quantile_loss"]


def quantile_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    levels: ArrayLike,
    axis: int = -1,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> jax.Array:
    r"""Returns the quantile loss, or pinball loss: $\max(\tau e, (\tau - 1) e)$ with $e = y - \hat y$.

    The expected loss is least where the prediction is the quantile of the targets at level τ. Nothing is
    sorted.

    Args:
        predictions: predicted quantiles, floating.
        targets: what was observed, floating. For one level of the shape of `predictions`, for several of that
            shape without `axis`.
        levels: τ, in (0, 1), which is checked where it is known: a scalar, or one-dimensional with an
            entry for each prediction along `axis`.
        axis: the axis of the levels, if there are several.
        weights: how much each loss counts: real, non-negative, which is checked where they are known;
            broadcastable to `predictions`, or, for several levels, with one dimension, along `axis`. The
            result is differentiable in them.
        where: boolean mask, broadcastable to `predictions`.

    Returns:
        For one level the loss of each element times its weight, 0 where it is masked; for several their
        weighted mean over `axis`, 0 where all are masked or have no weight, NaN for an axis of length 0.

    Raises:
        TypeError: `weights` is not real.
        ValueError: a level that is known is outside (0, 1), a weight that is known is negative, there are not
            as many levels as predictions along `axis`, or `weights` does not fit these.

    Source: R. Koenker and G. Bassett, Regression quantiles, 1978.

    >>> import jax.numpy as jnp
    >>> quantile_loss(jnp.array([1., 5.]), jnp.array([3., 3.]), 0.75)
    Array([1.5, 0.5], dtype=float32)
    >>> quantile_loss(jnp.array([1., 5.]), jnp.array(3.), jnp.array([0.25, 0.75]))
    Array(0.5, dtype=float32)
    >>> quantile_loss(jnp.array([1., 5.]), jnp.array([3., 3.]), 0.75, weights=jnp.array([1., 3.]))
    Array([1.5, 1.5], dtype=float32)
    """
    x, y = floating(predictions, "predictions"), floating(targets, "targets")
    tau = _check_levels(floating(levels, "levels"))
    mask = None if where is None else mask_like(where, x)
    if tau.ndim == 0:
        _check_shape(y, x.shape, x.shape, "for one level")
        return _compiled(x, y, tau, _weights(weights, x, None), mask, None)
    axis = canonical_axis(axis, x.ndim)
    if x.shape[axis] != tau.size:
        raise ValueError(
            f"levels has length {tau.size}, but axis {axis} of predictions has {x.shape[axis]} elements."
        )
    _check_shape(y, x.shape, without(x.shape, axis), f"for levels along axis {axis}")
    return _compiled(x, y, tau, _weights(weights, x, (axis,)), mask, axis)


@functools.partial(jax.jit, static_argnames="axis")
def _compiled(
    x: jax.Array,
    y: jax.Array,
    tau: jax.Array,
    weights: jax.Array | None,
    where: jax.Array | None,
    axis: int | None,
) -> jax.Array:
    dtype = jnp.promote_types(x.dtype, y.dtype)
    x, y, tau = (a.astype(computing_dtype(dtype)) for a in (x, y, tau))
    if axis is not None:
        y = jnp.expand_dims(y, axis)
    tau = tau.reshape([-1 if d == axis else 1 for d in range(x.ndim)])
    error = y - x
    if where is not None:
        error = jnp.where(where, error, jnp.zeros_like(error))
    loss = jnp.maximum(tau * error, (tau - 1) * error)
    if weights is not None:
        weights = weights.astype(loss.dtype)
        weights = weights if where is None else jnp.where(where, weights, jnp.zeros_like(weights))
        # 0 × inf would be NaN; and of a loss that is finite, the derivative by a weight of 0 is not 0.
        loss = weights * jnp.where((weights == 0) & jnp.isinf(loss), jnp.zeros_like(loss), loss)
    if axis is None:
        return loss.astype(dtype)
    if isinstance(x.shape[axis], int) and not x.shape[axis]:
        return jnp.full(y.shape[:axis] + y.shape[axis + 1 :], jnp.nan, dtype)
    if weights is not None:
        whole = jnp.sum(weights, axis)
        loss = jnp.where(jnp.expand_dims(whole, axis) == 0, jnp.zeros_like(loss), loss)
        whole = jnp.where(whole == 0, jnp.ones_like(whole), whole)
    else:
        count = x.shape[axis] if where is None else jnp.sum(where, axis, dtype=jnp.int32).astype(loss.dtype)
        whole = jnp.maximum(count, 1)
    return (jnp.sum(loss, axis) / whole).astype(dtype)


def _weights(weights: ArrayLike | None, x: jax.Array, axes: tuple[int, ...] | None) -> jax.Array | None:
    return None if weights is None else sample_weights(weights, x, axes, "predictions")


def _check_levels(levels: jax.Array) -> jax.Array:
    if levels.ndim > 1:
        raise ValueError(f"levels must be a scalar or have one axis, not the shape {levels.shape}.")
    numbers = concrete(levels)
    if numbers is not None and not np.all((numbers > 0) & (numbers < 1)):
        raise ValueError(f"levels={numbers} must be between 0 and 1, without these two.")
    return levels


def _check_shape(targets: jax.Array, given: tuple[int, ...], expected: tuple[int, ...], why: str) -> None:
    if targets.shape != expected:
        raise ValueError(
            f"targets of shape {targets.shape} do not fit predictions of shape {given}: expected {expected}, "
            f"{why}."
        )
