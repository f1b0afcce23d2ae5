"""Sets of points, and the distances between their projections onto lines."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import floating, like_points
from diffsort._precision import computing_dtype
from diffsort.implementations import Chosen
from diffsort.losses._samples import Sample, sample, unshard_samples
from diffsort.losses.transport import transport_cost


def point_sets(
    predictions: ArrayLike,
    targets: ArrayLike,
    projections: ArrayLike,
    weights: tuple[ArrayLike | None, ArrayLike | None],
    masks: tuple[ArrayLike | None, ArrayLike | None],
) -> tuple[Sample, Sample, jax.Array]:
    """Returns two samples of points, and the lines to project them onto.

    Raises:
        TypeError: an array is not floating, or a mask not boolean.
        ValueError: the sets are not (..., n, d) and (..., m, d), or the projections not (L, d).
    """
    x, y = floating(predictions, "predictions"), floating(targets, "targets")
    lines = floating(projections, "projections")
    if x.ndim < 2 or x.ndim != y.ndim or x.shape[:-2] != y.shape[:-2] or x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"targets of shape {y.shape} do not fit predictions of shape {x.shape}: expected (..., n, d) and "
            "(..., m, d)."
        )
    if lines.ndim != 2 or lines.shape[1] != x.shape[-1] or not lines.size:
        raise ValueError(
            f"projections of shape {lines.shape} do not fit points of {x.shape[-1]} features: expected "
            f"(L, {x.shape[-1]}) with at least one direction."
        )
    first = sample(x, like_points(x), weights[0], masks[0])
    second = sample(y, like_points(y), weights[1], masks[1], "target_")
    return *unshard_samples((first, second), x.ndim - 2), lines


def costs_on_lines(x: Sample, y: Sample, lines: jax.Array, implementation: Chosen, p: float) -> jax.Array:
    """Returns the distances (..., L) on lines (L, d), or (..., L, d) for each pair of sets its own."""
    dtype = computing_dtype(common_dtype(x, y))
    lines = lines.astype(dtype)
    return transport_cost(_project(x, lines), _project(y, lines), implementation, p)


def common_dtype(x: Sample, y: Sample) -> jnp.dtype:
    """Returns the dtype of what two samples give."""
    return jnp.promote_types(x.values.dtype, y.values.dtype)


def _project(points: Sample, lines: jax.Array) -> Sample:
    values, weights, where = points
    equation = "...nd,ld->...ln" if lines.ndim == 2 else "...nd,...ld->...ln"
    heights = jnp.einsum(equation, values.astype(lines.dtype), lines, precision=lax.Precision.HIGHEST)

    def for_each_line(a: jax.Array) -> jax.Array:
        return jnp.broadcast_to(a[..., None, :], heights.shape)

    weights, where = jax.tree.map(for_each_line, (weights, where))
    return Sample(heights, weights, where)
