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
    """The weights of sorted elements: each takes a part of their sum, the smallest the first.

    Attributes:
        each: the weights in the order of the elements, in the dtype that is computed in; 0 for those masked.
        axis: non-negative.
    """

    each: jax.Array
    axis: int

    @property
    def whole(self) -> jax.Array:
        """The sum of all; of length 1 along `axis`."""
        return self._sum(self.each)

    @property
    def after(self) -> jax.Array:
        """The sum of each weight and those before it."""
        return lax.cumsum(self.each, self.axis)

    def repeat(self) -> "Masses":
        """Returns the same with a new first axis, for several intervals or parts along it."""
        return Masses(self.each[None], self.axis + 1)

    def _sum(self, weights: jax.Array) -> jax.Array:
        return jnp.sum(weights, self.axis, keepdims=True)

    def _exact(self) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Returns the weights, the sums up to each and the sum of all, in float64 and without a derivative.

        There sums of a few million weights of float32 are hardly rounded: three of 1/6 are half of six.
        To be called where 64 bits are enabled.
        """
        each = lax.convert_element_type(lax.stop_gradient(self.each), jnp.dtype(jnp.float64))
        after = lax.cumsum(each, self.axis)
        return each, after, lax.slice_in_dim(after, after.shape[self.axis] - 1, None, axis=self.axis)

    def between(self, interval: Interval, *factors: Factor) -> jax.Array:
        """Returns how much of an interval of the sum each element takes, as a part of it; 0 if it is empty.

        It is differentiable in the weights and in the factors. Where an element ends just where the interval
        does, the derivative is that of the end of the interval, so that the parts keep their sum, 1.

        Args:
            interval: called with the sum of all and the factors; returns the start and the stop.
            *factors: scalars, or of length 1 along `axis`.
        """

        def share(
            start: jax.Array, stop: jax.Array, before: jax.Array, after: jax.Array, each: jax.Array
        ) -> jax.Array:
            holds_start = jnp.where(is_behind, stop, after) - start
            part = jnp.where(began_before, holds_start, jnp.where(is_behind, stop - before, each))
            return jnp.where(is_before | began_behind, jnp.zeros_like(part), part)

        dtype = self.each.dtype
        with jax.enable_x64(True):
            each, after, whole = self._exact()
            start, stop = interval(whole, *map(in_float64, factors))
            # None is outside of an interval from the first or to the last: not even one without weight yet.
            is_before = (after <= start + _ROUNDING * whole) & (start > 0)
            is_behind = (after >= stop - _ROUNDING * whole) & ~is_before & (stop < whole)
            began_before, began_behind = self._shift(is_before, start > 0), self._shift(is_behind, False)
            taken = lax.convert_element_type(share(start, stop, after - each, after, each), dtype)
            size = lax.convert_element_type(stop - start, dtype)
        # The same without care for digits, for the derivative. One element at most holds the start, and one
        # the stop; of no other one does the sum up to it matter.
        start, stop = interval(self.whole, *(in_dtype(factor, dtype) for factor in factors))
        none = jnp.zeros_like(self.each)
        after = self._sum(jnp.where(began_before, self.each, none))
        before = self._sum(jnp.where(is_behind, none, self.each))
        taken = jnp.where(self.each == 0, none, taken)
        taken += _derivative(share(start, stop, before, after, self.each))
        size += _derivative(stop - start)
        return taken / jnp.where(size > 0, size, jnp.ones_like(size))

    def _shift(self, flags: jax.Array, first: jax.Array | bool) -> jax.Array:
        """Returns what is said of the element before."""
        edge = jnp.broadcast_to(first, lax.slice_in_dim(flags, 0, 1, axis=self.axis).shape)
        others = lax.slice_in_dim(flags, 0, flags.shape[self.axis] - 1, axis=self.axis)
        return jnp.concatenate([edge, others], self.axis)

    def rank_at(self, factor: Factor) -> tuple[jax.Array, jax.Array]:
        """Returns the first ranks up to which the weights sum to a part of all, and to more than that part.

        Both are of elements with a weight, if there are any; the second is the first where no sum is more.

        Args:
            factor: the part, from 0 to 1; a scalar, or of length 1 along `axis`.
        """
        with jax.enable_x64(True):
            _, after, whole = self._exact()
            part, wanted = after / jnp.where(whole == 0, jnp.ones_like(whole), whole), in_float64(factor)
            low, high = (
                jnp.sum(is_short | (part <= 0), self.axis, keepdims=True, dtype=jnp.int32)
                for is_short in (part < wanted - _ROUNDING, part <= wanted + _ROUNDING)
            )
            return low, jnp.where(wanted + _ROUNDING < 1, high, low)


def _derivative(number: jax.Array) -> jax.Array:
    """Returns 0, with the derivative of a number."""
    return number - lax.stop_gradient(number)


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
    array = as_floating(weights, "weights")
    check_non_negative(array, "weights")
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
