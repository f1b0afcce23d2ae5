"""The smoothed superquantile: which weights it gives to sorted losses."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from diffsort._ranked import Ranked, elements_at
from diffsort._sharding import match_varying, reshard_like
from diffsort._sorting import positions


def smoothed_superquantile(elements: Ranked, smoothing: float, level: float | jax.Array) -> jax.Array:
    """Returns what `diffsort.losses.cvar` defines for a smoothing greater than 0."""
    dtype = elements.values.dtype
    info = jnp.finfo(dtype)
    smoothing = min(max(smoothing, float(info.tiny)), float(info.max))  # neither 0 nor infinite in that dtype
    values, axis = elements.values, elements.axis
    cap = jnp.asarray(1 / (1 - level)).astype(dtype)
    masses = elements.masses
    mass = elements.in_float(elements.position < elements.count) if masses is None else masses.each
    mass = reshard_like(jnp.broadcast_to(mass, values.shape), values)
    count = elements.in_float(elements.count)
    count = reshard_like(jnp.broadcast_to(count, _shape_without(values, axis)), values)
    return elements.finish(_value(smoothing, axis, masses is not None, cap, values, mass, count))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _value(
    smoothing: float,
    axis: int,
    is_weighted: bool,
    cap: jax.Array,
    values: jax.Array,
    mass: jax.Array,
    count: jax.Array,
) -> jax.Array:
    del is_weighted  # whether the masses have a derivative
    w = _weights(smoothing, axis, cap, values, mass, count)[0]
    gain = jnp.where((w == 0) | (mass == 0), jnp.zeros_like(values), values) * w
    return _mean(gain - smoothing / 2 * (w - 1) ** 2, mass, axis)


@_value.defjvp
def _value_jvp(
    smoothing: float,
    axis: int,
    is_weighted: bool,
    primals: tuple[jax.Array, ...],
    tangents: tuple[jax.Array, ...],
) -> tuple[jax.Array, jax.Array]:
    """The weights are the gradient (Danskin), and their own derivative is the Hessian.

    Differentiating the value as it is written would subtract numbers of size 1/ν from each other. By the cap
    it is the sum of what the capped elements would gain by a greater one, their multipliers; and by the mass
    of an element what it adds at the same η, less the mean.
    """
    cap_tangent, tangent, mass_tangent, _ = tangents
    _, values, mass, _ = primals
    w, multipliers, eta = _weights(smoothing, axis, *primals)
    value = _value(smoothing, axis, is_weighted, *primals)
    total = _mean(w * tangent + multipliers * cap_tangent, mass, axis)
    if is_weighted:
        finite, mean = (jnp.where(jnp.isfinite(a), a, jnp.zeros_like(a)) for a in (values, value))
        added = w * (finite - eta) - smoothing / 2 * (w - 1) ** 2 - (mean - eta)
        total += jnp.sum(mass_tangent * added, axis, keepdims=True) / _whole(mass, axis)
    return value, total


def _mean(values: jax.Array, mass: jax.Array, axis: int) -> jax.Array:
    return jnp.sum(mass * values, axis, keepdims=True) / _whole(mass, axis)


def _whole(mass: jax.Array, axis: int) -> jax.Array:
    whole = jnp.sum(mass, axis, keepdims=True)
    return jnp.where(whole == 0, jnp.ones_like(whole), whole)


def _weights(
    smoothing: float, axis: int, cap: jax.Array, values: jax.Array, mass: jax.Array, count: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The weights q by the masses: 0 up to some rank, affine in the values up to another, and then the cap.

    Beside them the multipliers of the cap, 0 where it is not reached, and η.
    """
    position = positions(values.shape[axis], values.ndim, axis).astype(values.dtype)
    fixed, fixed_cap, fixed_mass = lax.stop_gradient((values, cap, mass))
    whole = jnp.sum(fixed_mass, axis, keepdims=True)

    def first_rank(weight: jax.Array) -> jax.Array:
        """The first rank at which, if the value there had that weight, the mean were 1 or less."""

        def has_room(value: jax.Array) -> jax.Array:
            gap = jnp.where(fixed == value, jnp.zeros_like(fixed), fixed - value)  # infinities may be equal
            w = jnp.clip(weight + gap / smoothing, jnp.zeros_like(fixed_cap), fixed_cap)
            return jnp.sum(fixed_mass * w, axis, keepdims=True) <= whole

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
    size, over, under = (
        jnp.sum(jnp.where(which, mass, jnp.zeros_like(mass)), axis, keepdims=True)
        for which in (is_between, is_capped, position < start)
    )
    is_some = size > 0
    size = jnp.where(is_some, size, jnp.ones_like(size))
    excess = (over * (cap - 1) - under) / size  # of the others, over 1 each
    middle = jnp.sum(mass * gap, axis, keepdims=True) / size
    affine = 1 - excess + (gap - middle) / smoothing
    # Where none is in between, the first capped one is about to be.
    first = _at(lax.stop_gradient(finite), stop, axis)
    eta = jnp.where(is_some, origin + middle + smoothing * excess, first - smoothing * (cap - 1))
    multipliers = jnp.where(is_capped, finite - eta - smoothing * (cap - 1), jnp.zeros_like(values))
    return jnp.where(is_between & is_some, affine, capped), multipliers, eta


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
