"""What all poolings do with a set: check it, mask it, project it, keep some of its points."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import floating, like_points, mask_like, real_array
from diffsort._groups import Groups, find_groups, with_an_element
from diffsort._groups import visible as visible_in
from diffsort._precision import at_least_float32
from diffsort._sorting import zero_masked


def as_points(x: ArrayLike, *, may_be_integers: bool = False) -> jax.Array:
    """Returns `x` as sets of points, shape (..., n, channels).

    Raises:
        TypeError: it is not floating; or, if it may be integers, not real.
        ValueError: it has fewer than two axes.
    """
    array = real_array(x) if may_be_integers else floating(x, "x")
    if array.ndim < 2:
        raise ValueError(f"x must be sets of points, of shape (..., n, channels), not {array.shape}.")
    return array


def point_mask(where: ArrayLike | None, points: jax.Array) -> jax.Array | None:
    """Returns the mask of points (..., n) as one for their channels, shape (..., n, 1).

    Raises:
        TypeError: `where` is not boolean.
        ValueError: `where` does not broadcast to (..., n).
    """
    return None if where is None else mask_like(where, like_points(points))[..., None]


def ragged(
    points: jax.Array, where: ArrayLike | None, segment_ids: ArrayLike | None, num_segments: int | None
) -> tuple[jax.Array, Groups] | None:
    """Returns points of sets of different sizes and how they are grouped; None for sets of one size.

    There is a point at least, of no set if need be; and 0 is for those that are of none.

    Args:
        points: shape (n, channels) where there are `segment_ids`.
        where: boolean mask of the points; masked ones are of no set.
        segment_ids: which set each point is of, or None.
        num_segments: how many sets there are.

    Raises:
        TypeError: as `diffsort._groups.find_groups`, or `where` is not boolean.
        ValueError: likewise, points are not of shape (n, channels), or `num_segments` stands alone.
    """
    if segment_ids is None:
        if num_segments is not None:
            raise ValueError(f"num_segments={num_segments} says nothing without segment_ids.")
        return None
    if points.ndim != 2:
        raise ValueError(f"x must be points of all sets, of shape (n, channels), not {points.shape}.")
    mask = point_mask(where, points)
    mask = None if mask is None else mask[:, 0]
    groups = find_groups(points.shape[0], segment_ids, num_segments, False, mask)
    return with_an_element(visible_in(points, groups), groups)


def count_of(points: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Returns how many points each set has, int32: a scalar without a mask, else of shape (...)."""
    if mask is None:
        return jnp.int32(points.shape[-2])
    return jnp.sum(mask[..., 0], -1, dtype=jnp.int32)


def visible(points: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Returns the points, with 0 for those that are masked."""
    return points if mask is None else zero_masked(points, mask)


def first_points(points: jax.Array, k: int) -> jax.Array:
    """Returns the first k points of each set; points of 0 follow where it has fewer."""
    n = points.shape[-2]
    kept = lax.slice_in_dim(points, 0, min(k, n), axis=-2)
    missing = [(0, max(0, k - n)) if d == points.ndim - 2 else (0, 0) for d in range(points.ndim)]
    return jnp.pad(kept, missing)


def with_a_point(points: jax.Array, mask: jax.Array | None) -> tuple[jax.Array, jax.Array | None]:
    """Returns sets and their mask; sets without points become sets of one masked point.

    A statistic of a fully masked set is 0, while that of an axis of length 0 is NaN.
    """
    if points.shape[-2]:
        return points, mask
    points = first_points(points, 1)
    return points, jnp.zeros((*points.shape[:-1], 1), jnp.bool_)


def unit(v: jax.Array) -> jax.Array:
    """Returns `v` divided by its 2-norm along the first axis; 0 stays 0, with a finite gradient."""
    wide = at_least_float32(v)
    # The result does not depend on a scale, so neither does the gradient; and squares stay in range.
    largest = lax.stop_gradient(jnp.max(jnp.abs(wide), 0, keepdims=True))
    wide = wide / jnp.where(largest > 0, largest, jnp.ones_like(largest))
    square = jnp.sum(wide**2, 0, keepdims=True)
    length = jnp.sqrt(jnp.where(square > 0, square, jnp.ones_like(square)))
    return (wide / length).astype(v.dtype)
