"""Rows as relaxed sorts take them: how they are made of an array, and how results are brought back."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from diffsort import _manual, engines
from diffsort._arguments import floating
from diffsort._precision import at_least_float32
from diffsort.permutations import linear_permutation


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows as a method takes them, and how to bring back what it returns.

    Attributes:
        scaled: the rows, in units of `unit`.
        unit: of length 1 along the last axis, or of no axes.
        places: where in the input the elements of the rows stood; None where they stand as they did.
        count: how many are valid, or None.
        nan: NaN where an element is, else 0; of length 1 along the last axis.
    """

    scaled: jax.Array
    unit: jax.Array
    places: jax.Array | None
    count: jax.Array | None
    nan: jax.Array

    @property
    def valid_count(self) -> jax.Array:
        """How many elements are valid, for each row or for all."""
        return jnp.asarray(self.scaled.shape[-1], jnp.int32) if self.count is None else self.count

    @property
    def is_valid(self) -> jax.Array:
        """Whether an element of the rows is valid."""
        return is_valid(self.scaled, self.count)

    def reverse(self, values: jax.Array, is_matrix: bool = False) -> jax.Array:
        """Returns the valid values from the last to the first."""
        if self.count is None:
            return lax.rev(values, (values.ndim - 1,))
        count = self.count[..., None, :] if is_matrix else self.count
        last = values.ndim - 1
        k = positions(values)
        return _manual.permute_by(engines.BEST)(values, jnp.where(k < count, count - 1 - k, k), last)

    def keep(self, values: jax.Array) -> jax.Array:
        """Returns values with NaN in a row that has a NaN, and 0 where elements are not valid."""
        values = values + self.nan
        return values if self.count is None else jnp.where(self.is_valid, values, jnp.zeros_like(values))

    def keep_both(self, matrices: jax.Array) -> jax.Array:
        """`keep` for matrices, their rows and columns alike."""
        matrices = matrices + self.nan[..., None]
        both = self.is_valid[..., None, :] & self.is_valid[..., :, None]
        return matrices if self.count is None else jnp.where(both, matrices, jnp.zeros_like(matrices))

    def unplace(self, values: jax.Array) -> jax.Array:
        """Returns values of the rows' elements, along the last axis, in the order of the input."""
        if self.places is None:
            return values
        places = self.places if values.ndim == self.places.ndim else self.places[..., None, :]
        return linear_permutation(
            values,
            jnp.broadcast_to(places, values.shape),
            values.ndim - 1,
            permute=engines.BEST.scatter,
            unpermute=engines.BEST.gather,
        )

    def like(self, values: jax.Array, x: jax.Array, axis: int) -> jax.Array:
        """Returns values laid out as `x` is, and in its dtype."""
        return jnp.moveaxis(values, -1, axis).astype(x.dtype)


def make_rows(
    x: jax.Array,
    axis: int,
    where: jax.Array | None,
    is_presorted: bool,
    needs_places: bool,
    is_standardized: bool,
) -> Rows:
    """Returns the slices of `x` along an axis as rows.

    Args:
        x: floating; 0 where it is masked.
        axis: non-negative.
        where: None, or boolean of the shape of `x`.
        is_presorted: bring the rows into ascending order.
        needs_places: results are to be brought back into the order of the input.
        is_standardized: divide the rows by their standard deviation.

    Raises:
        TypeError: `x` is not floating.
        ValueError: the length of the axis is not known, as it may be in an export.
    """
    if not isinstance(x.shape[axis], int):
        raise ValueError(
            f"axis {axis} has the symbolic length {x.shape[axis]}: a relaxed sort needs to know it; leave "
            "other axes open."
        )
    wide = at_least_float32(jnp.moveaxis(floating(x, "x"), axis, -1))
    where = None if where is None else jnp.moveaxis(where, axis, -1)
    fixed, last = lax.stop_gradient(wide), wide.ndim - 1
    nan = jnp.sum(jnp.where(jnp.isnan(fixed), fixed, jnp.zeros_like(fixed)), -1, keepdims=True)
    nan = lax.optimization_barrier(nan)
    wide = jnp.where(jnp.isnan(fixed), jnp.zeros_like(wide), wide)
    places = None
    if is_presorted and needs_places:
        wide, places = engines.BEST.sort_with_indices(wide, axis=last, descending=False, where=where)
    elif is_presorted:
        wide = engines.BEST.sort(wide, axis=last, descending=False, where=where)
    elif where is not None:  # the valid ones first, in the order of the input
        same = jnp.zeros_like(fixed, jnp.int8)
        places = engines.BEST.argsort(same, axis=last, descending=False, where=where)
        wide = _manual.permute_by(engines.BEST)(wide, places, last)
    count = None if where is None else jnp.sum(where, -1, keepdims=True, dtype=jnp.int32)
    unit = _deviation(wide, count) if is_standardized else jnp.ones([1] * wide.ndim, wide.dtype)
    return Rows(wide / unit if is_standardized else wide, unit, places, count, nan)


def is_valid(rows: jax.Array, count: jax.Array | None) -> jax.Array:
    """Returns whether an element is one of the first `count`, boolean, of the shape of the rows."""
    return positions(rows) < (rows.shape[-1] if count is None else count)


def positions(rows: jax.Array) -> jax.Array:
    """Returns 0, 1, … n − 1 along the last axis, int32, of the shape of the rows."""
    return lax.broadcasted_iota(jnp.int32, rows.shape, rows.ndim - 1)


def is_top(rows: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
    """Returns whether an element of ascending rows is one of the last k of those that are valid, boolean."""
    n = rows.shape[-1] if count is None else count
    return is_valid(rows, count) & (positions(rows) >= n - k)


def ranks_of(rows: jax.Array) -> jax.Array:
    """Returns 0 … n − 1 for each of the rows, in their dtype."""
    return positions(rows).astype(rows.dtype)


def difference(x: jax.Array, y: jax.Array) -> jax.Array:
    """Returns x − y, and 0 for equal infinities, whose difference would be NaN."""
    is_same = (x == y) & jnp.isinf(x)  # of equal finite ones the difference has its derivative
    zero = jnp.zeros((), x.dtype)
    return jnp.where(is_same, zero, x) - jnp.where(is_same, zero, y)


def gaps(rows: jax.Array, count: jax.Array | None) -> jax.Array:
    """Returns how far each element of ascending rows is above the one before it; 0 for the first.

    Infinite between valid elements and others, 0 between equal infinities; of the shape of the rows.
    """
    gap = difference(rows, jnp.concatenate([rows[..., :1], rows[..., :-1]], -1))
    if count is None:
        return gap
    return jnp.where(is_valid(rows, count), gap, jnp.full_like(rows, jnp.inf))


def capped(masses: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
    """Returns the nearest numbers in [0, 1] of sum k, or of sum `count` if that is less.

    The projection onto the capped simplex: what all lose or gain alike, clipped. Numbers in [0, 1] of that
    sum stay what they are.

    Args:
        masses: non-negative, along the last axis.
        count: how many of them count, or None.
        k: at least 0.
    """
    valid = is_valid(masses, count)
    n = jnp.sum(valid, -1, keepdims=True).astype(masses.dtype)
    total = jnp.minimum(jnp.asarray(k, masses.dtype), n)
    fixed = lax.stop_gradient(jnp.where(valid, masses, jnp.zeros_like(masses)))

    def halve(_: Any, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = ends
        middle = (low + high) / 2
        kept = jnp.where(valid, jnp.clip(fixed - middle, 0, 1), jnp.zeros_like(fixed))
        kept = jnp.sum(kept, -1, keepdims=True)
        is_low = kept > total
        return jnp.where(is_low, middle, low), jnp.where(is_low, high, middle)

    most = jnp.max(fixed, -1, keepdims=True, initial=0)
    low, high = lax.fori_loop(0, 2 * jnp.finfo(masses.dtype).nmant, halve, (-jnp.ones_like(most), most))
    level = (low + high) / 2
    # Which are clipped is known now, and what the others lose follows from the sum, exactly.
    is_one, is_free = fixed - level >= 1, valid & (fixed - level > 0) & (fixed - level < 1)
    free = jnp.sum(is_free, -1, keepdims=True).astype(masses.dtype)
    ones = jnp.sum(valid & is_one, -1, keepdims=True).astype(masses.dtype)
    held = jnp.sum(jnp.where(is_free, masses, jnp.zeros_like(masses)), -1, keepdims=True)
    loss = (held + ones - total) / jnp.maximum(free, 1)
    return jnp.where(is_free, masses - loss, (valid & is_one).astype(masses.dtype))


def _deviation(rows: jax.Array, count: jax.Array | None) -> jax.Array:
    """The standard deviation of the valid elements, of length 1 along the last axis; 1 where it is 0."""
    valid = is_valid(rows, count)
    n = jnp.maximum(jnp.sum(valid, -1, keepdims=True), 1).astype(rows.dtype)
    # In a unit of their own size, so that no square leaves the range of the numbers.
    unit = jnp.max(jnp.abs(lax.stop_gradient(rows)), -1, keepdims=True, initial=0)
    unit = jnp.where((unit > 0) & jnp.isfinite(unit), unit, jnp.ones_like(unit))
    small = jnp.where(valid, rows / unit, jnp.zeros_like(rows))
    centred = jnp.where(valid, small - jnp.sum(small, -1, keepdims=True) / n, jnp.zeros_like(rows))
    variance = jnp.sum(centred**2, -1, keepdims=True) / n
    is_flat = variance == 0
    one = jnp.ones_like(variance)
    return jnp.where(is_flat, one, unit * jnp.sqrt(jnp.where(is_flat, one, variance)))
