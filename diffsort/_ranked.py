"""What every order statistic begins with: elements in order, their positions, and how many there are."""

import dataclasses
import functools
import math
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import as_floating, canonical_axes, concrete, flag, mask_like
from diffsort._masses import Masses, sample_weights
from diffsort._precision import computing_dtype, place
from diffsort._sharding import reshard_like, unshard
from diffsort._sorting import (
    count_valid,
    is_trivial,
    move,
    positions,
    select_values,
    sort_both,
    sort_values,
    zero_masked,
)
from diffsort.implementations import Chosen, ImplementationLike, get_implementation


@dataclasses.dataclass(frozen=True)
class Ranked:
    """Sorted elements.

    Attributes:
        values: sorted along `axis`, all or those of some ranks, in float32 at least; 0 after the last that is
            not masked.
        position: their ranks, int32; of length 1 along other axes than `axis`.
        count: how many elements are not masked, int32; length 1 along `axis`.
        nan: NaN where any of them is, else 0, so that nothing needs to make one; length 1 along `axis`.
        axis: non-negative.
        dtype: that of the elements as they were given, for the result.
        is_masked: whether `count` may be less than there are elements.
        first: the rank of the first of `values`, which hold no others than a statistic needs.
        masses: of elements with weights, what each takes of the sum of these; None where all count the same.
    """

    values: jax.Array
    position: jax.Array
    count: jax.Array
    nan: jax.Array
    axis: int
    dtype: jnp.dtype
    is_masked: bool
    first: int = 0
    masses: Masses | None = None

    @property
    def length(self) -> int:
        """How many values there are along `axis`, masked ones included."""
        return self.values.shape[self.axis]

    def in_float(self, number: jax.Array) -> jax.Array:
        """Returns whole numbers in the dtype of the values."""
        return number.astype(self.values.dtype)

    def is_between(self, start: jax.Array, stop: jax.Array) -> jax.Array:
        """Returns 1 at the positions from `start` up to `stop`, else 0, in the dtype of the values."""
        return self.in_float((start <= self.position) & (self.position < stop))

    def weigh(self, weights: jax.Array, origin: jax.Array | None = None) -> jax.Array:
        """Returns the sum of weights times the values; NaN where an element is NaN.

        An element of weight 0 does not count, not even if it is infinite.

        Args:
            weights: of the elements at each position, broadcastable to the values.
            origin: to be added to the sum; of length 1 along `axis`.
        """
        if self.is_masked:
            weights = _first_weights(weights, self.position, self.count)
        weights = reshard_like(jnp.broadcast_to(weights, self.values.shape), self.values)
        is_out = weights == 0
        if self.masses is not None:  # the derivative by a weight of 0 is not 0
            is_out &= ~jnp.isfinite(self.values)
        # Chosen before the product: 0 × inf would be NaN, in the gradient too.
        values = jnp.where(is_out, jnp.zeros_like(self.values), self.values)
        total = jnp.sum(values * weights, self.axis, keepdims=True)
        return self.finish(total if origin is None else total + origin)

    def at(self, index: jax.Array) -> jax.Array:
        """Returns the elements of some ranks, the nearest ones there are.

        Args:
            index: int32, of any length along `axis`, of length 1 or that of the values along the others.
        """
        return elements_at(self.values, index - self.first, self.axis)

    def repeat(self, times: int) -> "Ranked":
        """Returns the same elements several times, along a new first axis."""
        return dataclasses.replace(
            self,
            values=jnp.broadcast_to(self.values, (times, *self.values.shape)),
            position=self.position[None],
            count=self.count[None],
            nan=self.nan[None],
            axis=self.axis + 1,
            masses=None if self.masses is None else self.masses.repeat(),
        )

    def finish(self, result: jax.Array) -> jax.Array:
        """Returns a result of length 1 along `axis` without that axis, NaN where an element is."""
        return jnp.squeeze(self.complete(result), self.axis)

    def complete(self, result: jax.Array) -> jax.Array:
        """Returns a result in its dtype, NaN where an element is NaN, and 0 where no element has a weight."""
        if self.masses is not None:
            result = jnp.where(self.masses.whole == 0, jnp.zeros_like(result), result)
        return jnp.where(jnp.isnan(self.nan), self.nan, result).astype(self.dtype)


def weighted_sum(ordered: jax.Array, weights: jax.Array, axis: int, where: jax.Array | None) -> jax.Array:
    """Returns the sum of weights times elements that are in order already, in their common dtype.

    Args:
        ordered: sorted along `axis`, masked elements last and 0.
        weights: of the rank of `ordered`.
        axis: the axis to sum over; non-negative.
        where: the mask that it was sorted with, of the shape of `ordered`, or None.
    """
    if where is not None:
        position = positions(ordered.shape[axis], ordered.ndim, axis)
        weights = _first_weights(weights, position, count_valid(where, axis))
    dtype = jnp.promote_types(ordered.dtype, weights.dtype)
    return jnp.sum(ordered.astype(dtype) * weights.astype(dtype), axis)


def _first_weights(weights: jax.Array, position: jax.Array, count: jax.Array) -> jax.Array:
    """Returns the weights of the elements there are, and 0 for those that are masked, which come last."""
    return jnp.where(position < count, weights, jnp.zeros_like(weights))


def elements_at(values: jax.Array, index: jax.Array, axis: int) -> jax.Array:
    """Returns the elements at some places along an axis; the last one for places beyond it."""
    return jnp.take_along_axis(values, index, axis, mode="clip")


def tail_mean(elements: Ranked, level: float | jax.Array) -> jax.Array:
    """The superquantile, which its spectrum shares."""
    if elements.masses is not None:
        return elements.weigh(elements.masses.between(_above, level))
    n = jnp.maximum(elements.count, 1)
    tail = place(1 - level, n, elements.values.dtype)  # how many elements that is, the last one in part
    from_above = elements.count - 1 - elements.position
    part = jnp.where(from_above == tail.whole, tail.part, jnp.zeros_like(tail.part))
    share = jnp.where(from_above < tail.whole, jnp.ones_like(part), part)
    return elements.weigh(share / (elements.in_float(tail.whole) + tail.part))


def _above(whole: jax.Array, level: jax.Array) -> tuple[jax.Array, jax.Array]:
    return level * whole, whole


def tail_ranks(level: float | jax.Array) -> Callable[[int], tuple[int, int]] | None:
    """Returns, for n elements, the ranks that `tail_mean` takes; None where the level is not known."""
    known = concrete(level)
    if known is None:
        return None
    share = 1 - float(known)
    return lambda n: (n - 2 - math.floor(share * n), n)


def cut(elements: Ranked, proportion: float) -> jax.Array:
    """⌊p n⌋ of n elements, as in float64, in which 0.1 × 30 is 3."""
    return place(proportion, elements.count, elements.values.dtype).whole


def statistic(
    function: Callable[..., jax.Array],
    x: ArrayLike,
    axis: int | tuple[int, ...] | None,
    where: ArrayLike | None,
    implementation: ImplementationLike,
    *arguments: Any,
    keepdims: bool = False,
    weights: ArrayLike | None = None,
    ranks: Callable[[int], tuple[int, int]] | None = None,
    leading: int = 0,
    name: str = "x",
    dtype: jnp.dtype | None = None,
) -> jax.Array:
    """Returns `function(elements, *arguments)`, compiled as a whole.

    Args:
        function: of a module, so that what is compiled for it is found again; `elements` are Ranked.
        x: what to rank.
        axis: the axis or axes to rank along; None for all.
        where: boolean mask, broadcastable to `x`.
        implementation: as in `diffsort.sort`.
        *arguments: Python values, then arrays or tuples of arrays.
        keepdims: leave the reduced axes in, with length 1.
        weights: of the elements, as `sample_weights` takes them; None where all count the same.
        ranks: of n elements without mask or weights, the ranks from the first up to the second are all that
            count.
        leading: how many axes of the result come before those of `x`.
        name: what `x` is called in messages.
        dtype: of the result; None for that of `x`.

    Raises:
        TypeError: `x` or `weights` is not real, or `where` not boolean.
        ValueError: `axis` is out of range, `where` or `weights` does not fit `x`, a weight that is known is
            negative, or no implementation has that name.
    """
    chosen = get_implementation(implementation)
    keepdims = flag(keepdims, "keepdims")
    array = as_floating(x, name)
    axes = canonical_axes(axis, array.ndim)
    if weights is not None:
        weights = as_slices(sample_weights(weights, array, axes, name), axes, where)[0]
    array, mask, along = as_slices(array, axes, where, dtype)
    operands = tuple(a for a in arguments if isinstance(a, jax.Array) or type(a) is tuple)
    static = arguments[: len(arguments) - len(operands)]
    selected = None
    if ranks is not None and mask is None and weights is None:
        selected = _worth_selecting(array.shape[along], ranks)
    found = _compute(function, array, mask, weights, operands, along, chosen, static, selected)
    return jnp.expand_dims(found, [leading + d for d in sorted(axes)]) if keepdims else found


def _worth_selecting(n: int, ranks: Callable[[int], tuple[int, int]]) -> tuple[int, int] | None:
    """Returns ranks within 0 … n, or None where a sort of everything is as fast.

    That depends on no implementation, as sums of some and of all elements are rounded differently. Measured
    with the kernel, against its sort of values alone, which is the fastest: ranks at an end of 250 elements
    are selected in three quarters of the time, those within 1000 in the same; of 2000 in 0.4 and 0.6 of it.
    A gradient takes a third to a tenth.
    """
    if not isinstance(n, int) or n == 0:
        return None
    start, stop = ranks(n)
    start = min(max(start, 0), n - 1)
    stop = min(max(stop, start + 1), n)
    least = 192 if start == 0 or stop == n else 700
    return (start, stop) if 4 * (stop - start) + least <= n else None


def as_slices(
    array: jax.Array, axes: tuple[int, ...], where: ArrayLike | None, dtype: jnp.dtype | None = None
) -> tuple[jax.Array, jax.Array | None, int]:
    """Returns an array, its mask, and the one axis that is left to reduce, whole on every device.

    Args:
        array: floating.
        axes: those to reduce, non-negative; several are joined.
        where: boolean mask, broadcastable to `array`. What it hides becomes 0 at once, so that it is kept for
            no backward pass.
        dtype: that the array is to have; None for its own.
    """
    mask = None if where is None else mask_like(where, array)
    array, mask = jax.tree.map(lambda a: unshard(a, axes), (array, mask))
    if mask is not None:
        array = zero_masked(array, mask)
    if dtype is not None:
        array = array.astype(dtype)
    if len(axes) == 1:
        return array, mask, axes[0]
    array, mask = jax.tree.map(lambda a: join(a, axes), (array, mask))
    return array, mask, array.ndim - 1


def join(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Returns `x` with the given axes joined into a last one."""
    others = [d for d in range(x.ndim) if d not in axes]
    size = math.prod(x.shape[d] for d in axes)
    return x.transpose(*others, *axes).reshape(*(x.shape[d] for d in others), size)


@functools.partial(jax.jit, static_argnames=("function", "axis", "static", "selected"))
def _compute(
    function: Callable[..., jax.Array],
    x: jax.Array,
    where: jax.Array | None,
    weights: jax.Array | None,
    operands: tuple[object, ...],
    axis: int,
    chosen: Chosen,
    static: tuple[Hashable, ...],
    selected: tuple[int, int] | None,
) -> jax.Array:
    if isinstance(x.shape[axis], int) and x.shape[axis] == 0:
        # Of no elements, as of one that is NaN.
        shape = tuple(1 if d == axis else n for d, n in enumerate(x.shape))
        x, where, weights = jnp.full(shape, jnp.nan, x.dtype), None, None
    if selected is not None:
        elements = _select(x, axis, chosen, *selected)
    elif weights is None:
        elements = _rank(x, axis, where, chosen)
    else:
        elements = _weigh(x, weights, axis, where, chosen)
    return function(elements, *static, *operands)


def _rank(array: jax.Array, axis: int, where: jax.Array | None, chosen: Chosen) -> Ranked:
    return _ranked(array, sort_values(chosen, array, axis, where), axis, where)


def _select(array: jax.Array, axis: int, chosen: Chosen, start: int, stop: int) -> Ranked:
    elements = _ranked(array, select_values(chosen, array, axis, start, stop), axis, None)
    position = positions(stop - start, array.ndim, axis) + jnp.int32(start)
    return dataclasses.replace(elements, position=position, first=start)


def _weigh(
    array: jax.Array, weights: jax.Array, axis: int, where: jax.Array | None, chosen: Chosen
) -> Ranked:
    values, indices = sort_both(chosen, array, axis, where, False)
    if not is_trivial(array, axis):
        weights = move(chosen, weights, indices, axis)
    elements = _ranked(array, values, axis, where)
    fixed = lax.stop_gradient(weights)
    # Of infinite weights, as of those that are NaN, there is no sum to take a part of.
    strange = jnp.where(jnp.isfinite(fixed), jnp.zeros_like(fixed), fixed - fixed).astype(elements.nan.dtype)
    return dataclasses.replace(
        elements,
        nan=elements.nan + jnp.sum(strange, axis, keepdims=True),
        masses=Masses(weights.astype(elements.values.dtype), axis),
    )


def _ranked(array: jax.Array, values: jax.Array, axis: int, where: jax.Array | None) -> Ranked:
    n = array.shape[axis]
    everything = jnp.asarray(n, jnp.int32).reshape([1] * array.ndim)
    count = everything if where is None else count_valid(where, axis)
    fixed = lax.stop_gradient(array)
    only_nan = jnp.where(jnp.isnan(fixed), fixed, jnp.zeros_like(fixed))
    dtype = computing_dtype(array.dtype)
    return Ranked(
        values=values.astype(dtype),
        position=positions(n, array.ndim, axis),
        count=count,
        nan=jnp.sum(only_nan, axis, keepdims=True).astype(dtype),
        axis=axis,
        dtype=array.dtype,
        is_masked=where is not None,
    )
