"""What elements of ascending rows weigh for each other, if weights fall exponentially with the distance."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from diffsort.soft._kernels import recurrence, shift
from diffsort.soft._rows import gaps, positions


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """Sums of exp(−|x − y| / τ) over sorted elements, by linear recurrences.

    Attributes:
        gap: to the element below, in units of τ; 0 where that is too far to weigh anything.
        decay: exp(−gap), the weight of the element below; 0 where it is too far.
        below: the sum of the weights of all elements below.
        above: that of all elements above.
    """

    gap: jax.Array
    decay: jax.Array
    below: jax.Array
    above: jax.Array

    @property
    def total(self) -> jax.Array:
        """The sum of all weights, that of the element itself, 1, among them."""
        return 1 + self.below + self.above

    def transposed(self, v: jax.Array) -> jax.Array:
        """Returns Pᵀ v, where P is the matrix of the weights with rows divided by their sums."""
        v = v / self.total
        up = shift(self.decay, -1)
        below = recurrence(self.decay, self.decay * shift(v, 1))
        return v + below + recurrence(up, up * shift(v, -1), reverse=True)


def neighbours(rows: jax.Array, count: jax.Array | None, temperature: jax.Array) -> Neighbours:
    """Returns the sums of the weights for each element.

    Args:
        rows: ascending along the last axis.
        count: how many elements count, of length 1 along the last axis, or None.
        temperature: τ, of no axes.
    """
    gap = gaps(rows, count) / temperature
    return sums_of(gap, (gap < far(gap.dtype)) & (positions(gap) > 0))


def sums_of(gap: jax.Array, is_near: jax.Array) -> Neighbours:
    """Returns the sums of the weights for each element.

    Args:
        gap: how far each is above the one before it, in units of τ.
        is_near: whether that is near enough to weigh anything; False for the first.
    """
    gap = jnp.where(is_near, gap, jnp.zeros_like(gap))  # before all else: no inf reaches a derivative
    decay = jnp.where(is_near, jnp.exp(-gap), jnp.zeros_like(gap))
    up = shift(decay, -1)
    return Neighbours(gap, decay, recurrence(decay, decay), recurrence(up, up, reverse=True))


def far(dtype: jnp.dtype) -> float:
    """Returns the distance from which on exp(−distance) is no normal number of that type."""
    return -math.log(jnp.finfo(dtype).tiny)
