"""Weights of elements, and what part of their sum each element takes once they are in order."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import as_floating, broadcast_like, check_non_negative
from diffsort._precision import Factor, in_dtype, in_float64

# From the sum of all weights, and factors of its dtype, to where an interval of it starts and stops.
Interval = Callable[..., tuple[jax.Array, jax.Array]]

# How far, as a part of all, sums of weights in float64 may be from what they equal, as ten times 0.1 is 1.
_ROUNDING = 1e-14


@dataclasses.dataclass(frozen=True)
class Masses:
    """The weights of sorted elements, in their order: each takes a part of the sum, the smallest the first.

    Attributes:
        each: the weights, in the dtype that is computed in.
        after: their sum up to each element, itself included, likewise. Its derivative is of use; as a number
            it is not exact.
        exact: the same in float64, without a derivative: the sums of a few million weights of float32, such
            as 1/6, are hardly rounded there, so that three of them are half of six.
        axis: non-negative.
    """

    each: jax.Array
    after: jax.Array
    exact: jax.Array
    axis: int

    @property
    def whole(self) -> jax.Array:
        """The sum of all; of length 1 along `axis`."""
        return self._last(self.after)

    def _last(self, sums: jax.Array) -> jax.Array:
        return lax.slice_in_dim(sums, sums.shape[self.axis] - 1, None, axis=self.axis)

    def between(self, interval: Interval, *factors: Factor) -> jax.Array:
        """Returns how much of an interval of the sum each element takes, as a part of it; 0 if it is empty.

        It is differentiable in the weights and in the factors. Where an element ends just where the interval
        does, the derivative is that of the end of the interval, so that the parts keep their sum, 1.

        Args:
            interval: called with the sum of all and the factors; returns the start and the stop.
            *factors: scalars.
        """
        with jax.enable_x64(True):
            whole = self._last(self.exact)
            start, stop = interval(whole, *map(in_float64, factors))
            is_before = self.exact <= start + _ROUNDING * whole
            is_behind = self.exact >= stop - _ROUNDING * whole
            end = jnp.where(is_before, start, jnp.where(is_behind, stop, self.exact))
            taken = lax.convert_element_type(self._differences(end, start), self.each.dtype)
            size = lax.convert_element_type(stop - start, self.each.dtype)
        # The same without care for digits, for the derivative.
        start, stop = interval(self.whole, *(in_dtype(factor, self.each.dtype) for factor in factors))
        end = jnp.where(is_before, start, jnp.where(is_behind, stop, self.after))
        taken = jnp.where(self.each == 0, jnp.zeros_like(taken), taken)
        taken += _derivative(self._differences(end, start))
        size += _derivative(stop - start)
        return taken / jnp.where(size > 0, size, jnp.ones_like(size))

    def _differences(self, ends: jax.Array, start: jax.Array) -> jax.Array:
        starts = lax.slice_in_dim(ends, 0, ends.shape[self.axis] - 1, axis=self.axis)
        return ends - jnp.concatenate([start, starts], self.axis)

    def rank_at(self, factor: Factor) -> tuple[jax.Array, jax.Array]:
        """Returns the first ranks up to which the weights sum to a part of all, and to more than that part.

        Both are of elements with a weight, if there are any; the second is the first where no sum is more.

        Args:
            factor: the part, from 0 to 1; a scalar.
        """
        with jax.enable_x64(True):
            whole, wanted = self._last(self.exact), in_float64(factor)
            part = self.exact / jnp.where(whole == 0, jnp.ones_like(whole), whole)
            low, high = (
                jnp.sum(is_short | (part <= 0), self.axis, keepdims=True, dtype=jnp.int32)
                for is_short in (part < wanted - _ROUNDING, part <= wanted + _ROUNDING)
            )
            return low, jnp.where(wanted + _ROUNDING < 1, high, low)


def _derivative(number: jax.Array) -> jax.Array:
    """Returns 0, with the derivative of a number."""
    return number - lax.stop_gradient(number)


def as_masses(weights: jax.Array, axis: int, dtype: jnp.dtype) -> Masses:
    """Returns what sorted elements take of the sum of their weights.

    Args:
        weights: in the order of the elements; 0 where one is masked.
        axis: non-negative.
        dtype: to compute in.
    """
    with jax.enable_x64(True):
        exact = lax.cumsum(lax.convert_element_type(lax.stop_gradient(weights), jnp.dtype(jnp.float64)), axis)
    each = weights.astype(dtype)
    return Masses(each, lax.cumsum(each, axis), exact, axis)


def sample_weights(
    weights: ArrayLike, x: jax.Array, axes: tuple[int, ...] | None, name: str = "x"
) -> jax.Array:
    """Returns weights of elements, floating, broadcast to the shape of `x`.

    Args:
        weights: as given: broadcastable to `x`, or with one dimension, along the axes.
        x: the elements.
        axes: those to reduce, non-negative; None if none is.
        name: what `x` is called in messages.

    Raises:
        TypeError: they are not real.
        ValueError: they have neither of these shapes, or one that is known is negative.
    """
    check_non_negative(weights, "weights")
    array = as_floating(weights, "weights")
    if array.ndim == 1 and axes is not None:
        sizes = [x.shape[d] for d in axes]
        if array.shape[0] != math.prod(sizes):
            over = f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"
            raise ValueError(
                f"weights has length {array.shape[0]}, but {over} of {name} has {math.prod(sizes)} "
                f"elements: give one weight for each, or an array of the rank of {name}."
            )
        array = array.reshape(sizes).transpose(sorted(range(len(axes)), key=lambda i: axes[i]))
        array = array.reshape([x.shape[d] if d in axes else 1 for d in range(x.ndim)])
    return broadcast_like(array, x, "weights")
