"""The smoothed superquantile: which weights it gives to sorted losses."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from diffsort.sharding import laid_out_like, varying_alike
from diffsort.statistics._ranked import Ranked


def smoothed_superquantile(elements: Ranked, level: float, smoothing: float) -> jax.Array:
    """Returns what `diffsort.losses.cvar` defines for a smoothing greater than 0."""
    info = jnp.finfo(elements.values.dtype)
    smoothing = min(max(smoothing, float(info.tiny)), float(info.max))  # neither 0 nor infinite in that dtype
    values, axis = elements.values, elements.axis
    position = laid_out_like(jnp.broadcast_to(elements.position, values.shape), values)
    count = laid_out_like(jnp.broadcast_to(elements.count, _reduced(values, axis)), values)
    return elements.finished(_value(level, smoothing, axis, values, position, count))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _value(
    level: float, smoothing: float, axis: int, values: jax.Array, position: jax.Array, count: jax.Array
) -> jax.Array:
    w = _weights(level, smoothing, axis, values, position, count)
    gain = jnp.where(w == 0, jnp.zeros_like(values), values) * w
    penalty = jnp.where(position < count, smoothing / 2 * (w - 1) ** 2, jnp.zeros_like(w))
    return jnp.sum(gain - penalty, axis, keepdims=True) / jnp.maximum(count, 1)


@_value.defjvp
def _value_jvp(
    level: float, smoothing: float, axis: int, primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[jax.Array, jax.Array]:
    """The weights are the gradient (Danskin), and their own derivative is the Hessian.

    Differentiating the value as it is written would subtract numbers of size 1/ν from each other.
    """
    w = _weights(level, smoothing, axis, *primals)
    count = primals[2]
    tangent = jnp.sum(w * tangents[0], axis, keepdims=True) / jnp.maximum(count, 1)
    return _value(level, smoothing, axis, *primals), tangent


def _weights(
    level: float, smoothing: float, axis: int, values: jax.Array, position: jax.Array, count: jax.Array
) -> jax.Array:
    """The weights q, times n: 0 up to some rank, affine in the values up to another, and then the cap."""
    cap = 1 / (1 - level)
    fixed = lax.stop_gradient(values)

    def first_rank(weight: float) -> jax.Array:
        """The first rank at which, if the value there had that weight, all together had n or less."""

        def has_room(value: jax.Array) -> jax.Array:
            gap = jnp.where(fixed == value, jnp.zeros_like(fixed), fixed - value)  # infinities may be equal
            w = jnp.clip(weight + gap / smoothing, 0, cap)
            w = jnp.where(position < count, w, jnp.zeros_like(w))
            return jnp.sum(w, axis, keepdims=True) <= count

        return _first(has_room, fixed, count, axis)

    start = first_rank(0)
    stop = jnp.maximum(first_rank(cap), start)
    is_between = (start <= position) & (position < stop)
    capped = jnp.where(
        (stop <= position) & (position < count), jnp.full_like(values, cap), jnp.zeros_like(values)
    )

    # Counted from one of those in between, which are close together, they lose nothing to rounding. If one is
    # infinite, they are all equal.
    finite = jnp.where(jnp.isfinite(values), values, jnp.zeros_like(values))
    origin = _at(lax.stop_gradient(finite), start, axis)
    gap = jnp.where(is_between, finite - origin, jnp.zeros_like(values))
    size = jnp.maximum(stop - start, 1)
    excess = ((count - stop) * (cap - 1) - start) / size  # of the others, over 1 each
    affine = 1 - excess + (gap - jnp.sum(gap, axis, keepdims=True) / size) / smoothing
    return jnp.where(is_between, affine, capped)


def _first(
    holds: Callable[[jax.Array], jax.Array], values: jax.Array, count: jax.Array, axis: int
) -> jax.Array:
    """Returns the first rank whose value satisfies `holds`, or `count`; all after it satisfy it too."""

    def halve(_: int, bounds: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bounds
        middle = jnp.floor((low + high) / 2)
        is_high = holds(_at(values, middle, axis)) | (low >= high)
        return jnp.where(is_high, low, middle + 1), jnp.where(is_high, middle, high)

    low, high, _ = varying_alike(jnp.zeros_like(count), count, values)
    return lax.fori_loop(0, values.shape[axis].bit_length(), halve, (low, high))[0]


def _at(values: jax.Array, rank: jax.Array, axis: int) -> jax.Array:
    index = jnp.clip(rank.astype(jnp.int32), 0, values.shape[axis] - 1)
    return jnp.take_along_axis(values, index, axis)


def _reduced(values: jax.Array, axis: int) -> tuple[int, ...]:
    return tuple(1 if d == axis else n for d, n in enumerate(values.shape))
