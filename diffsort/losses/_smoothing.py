"""The smoothed superquantile: which weights it gives to sorted losses."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from diffsort._ranked import Ranked, elements_at
from diffsort._sharding import match_varying, reshard_like


def smoothed_superquantile(elements: Ranked, smoothing: float, level: float | jax.Array) -> jax.Array:
    """Returns what `diffsort.losses.cvar` defines for a smoothing greater than 0."""
    dtype = elements.values.dtype
    info = jnp.finfo(dtype)
    smoothing = min(max(smoothing, float(info.tiny)), float(info.max))  # neither 0 nor infinite in that dtype
    values, axis = elements.values, elements.axis
    cap = jnp.asarray(1 / (1 - level)).astype(dtype)
    position, count = (elements.in_float(a) for a in (elements.position, elements.count))
    position = reshard_like(jnp.broadcast_to(position, values.shape), values)
    count = reshard_like(jnp.broadcast_to(count, _shape_without(values, axis)), values)
    return elements.finish(_value(smoothing, axis, cap, values, position, count))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _value(
    smoothing: float, axis: int, cap: jax.Array, values: jax.Array, position: jax.Array, count: jax.Array
) -> jax.Array:
    w, _ = _weights(smoothing, axis, cap, values, position, count)
    gain = jnp.where(w == 0, jnp.zeros_like(values), values) * w
    penalty = jnp.where(position < count, smoothing / 2 * (w - 1) ** 2, jnp.zeros_like(w))
    return jnp.sum(gain - penalty, axis, keepdims=True) / jnp.maximum(count, 1)


@_value.defjvp
def _value_jvp(
    smoothing: float, axis: int, primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[jax.Array, jax.Array]:
    """The weights are the gradient (Danskin), and their own derivative is the Hessian.

    Differentiating the value as it is written would subtract numbers of size 1/ν from each other. By the cap
    it is the sum of what the capped elements would gain by a greater one, their multipliers.
    """
    cap_tangent, tangent, _, _ = tangents
    w, multipliers = _weights(smoothing, axis, *primals)
    total = jnp.sum(w * tangent + multipliers * cap_tangent, axis, keepdims=True)
    return _value(smoothing, axis, *primals), total / jnp.maximum(primals[-1], 1)


def _weights(
    smoothing: float, axis: int, cap: jax.Array, values: jax.Array, position: jax.Array, count: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The weights q, times n: 0 up to some rank, affine in the values up to another, and then the cap.

    Beside them the multipliers of the cap, 0 where it is not reached.
    """
    fixed, fixed_cap = lax.stop_gradient((values, cap))

    def first_rank(weight: jax.Array) -> jax.Array:
        """The first rank at which, if the value there had that weight, all together had n or less."""

        def has_room(value: jax.Array) -> jax.Array:
            gap = jnp.where(fixed == value, jnp.zeros_like(fixed), fixed - value)  # infinities may be equal
            w = jnp.clip(weight + gap / smoothing, jnp.zeros_like(fixed_cap), fixed_cap)
            w = jnp.where(position < count, w, jnp.zeros_like(w))
            return jnp.sum(w, axis, keepdims=True) <= count

        return _first(has_room, fixed, count, axis)

    start = first_rank(jnp.zeros_like(fixed_cap))
    stop = jnp.maximum(first_rank(fixed_cap), start)
    is_between = (start <= position) & (position < stop)
    is_capped = (stop <= position) & (position < count)
    capped = jnp.where(is_capped, cap, jnp.zeros_like(values))

    # Counted from one of those in between, which are close together, they lose nothing to rounding. If one is
    # infinite, they are all equal.
    finite = jnp.where(jnp.isfinite(values), values, jnp.zeros_like(values))
    origin = _at(lax.stop_gradient(finite), start, axis)
    gap = jnp.where(is_between, finite - origin, jnp.zeros_like(values))
    size = jnp.maximum(stop - start, 1)
    excess = ((count - stop) * (cap - 1) - start) / size  # of the others, over 1 each
    middle = jnp.sum(gap, axis, keepdims=True) / size
    affine = 1 - excess + (gap - middle) / smoothing
    # Where none is in between, the first capped one is about to be.
    eta = jnp.where(stop > start, origin + middle + smoothing * excess, origin - smoothing * (cap - 1))
    multipliers = jnp.where(is_capped, finite - eta - smoothing * (cap - 1), jnp.zeros_like(values))
    return jnp.where(is_between, affine, capped), multipliers


def _first(
    holds: Callable[[jax.Array], jax.Array], values: jax.Array, count: jax.Array, axis: int
) -> jax.Array:
    """Returns the first rank whose value satisfies `holds`, or `count`; all after it satisfy it too."""

    def halve(_: int, bounds: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = bounds
        middle = jnp.floor((low + high) / 2)
        is_high = holds(_at(values, middle, axis)) | (low >= high)
        return jnp.where(is_high, low, middle + 1), jnp.where(is_high, middle, high)

    low, high, _ = match_varying(jnp.zeros_like(count), count, values)
    n = values.shape[axis]
    steps = n.bit_length() if isinstance(n, int) else 31  # symbolic, in an export
    return lax.fori_loop(0, steps, halve, (low, high))[0]


def _at(values: jax.Array, rank: jax.Array, axis: int) -> jax.Array:
    return elements_at(values, rank.astype(jnp.int32), axis)


def _shape_without(values: jax.Array, axis: int) -> tuple[int, ...]:
    return tuple(1 if d == axis else n for d, n in enumerate(values.shape))
