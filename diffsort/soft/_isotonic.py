"""Isotonic regression along rows, by its blocks: by the kernel on CPU, in XLA elsewhere.

Blocks are runs of elements that get one value. Which they are is found once, and has no derivative; means
over them are linear and symmetric, their own transpose, and derivatives of all orders follow from that.
"""

import enum
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad

from diffsort import _sharding, engines
from diffsort.engines import library
from diffsort.engines.lowering import make_primitive


def find_blocks(
    z: jax.Array, w: jax.Array, *, entropic: bool = False, engine: Any = engines.BEST
) -> jax.Array:
    r"""Returns where the blocks of the isotonic regression of z − w begin, boolean.

    It is the ascending v that minimises $\sum_i (v_i - z_i + w_i)^2$: on each block the mean of z less that
    of w. Or, if entropic, $\sum_i \exp(z_i - v_i) + \exp(w_i) v_i$: on each block the logarithm of the sum of
    exp(z) less that of exp(w). Neighbours of equal values are one block.

    Args:
        z: ascending along the last axis.
        w: ascending, of the shape and dtype of `z`. An element with a NaN is a block by itself.
        entropic: the second.
        engine: the kernel where it runs, or XLA.
    """
    operands = _sharding.match_varying(*map(lax.stop_gradient, (z, w)))
    return _blocks_p.bind(*operands, trailing=0, entropic=entropic, engine=engine)[0]


def block_mean(x: jax.Array, first: jax.Array, *, engine: Any = engines.BEST) -> jax.Array:
    """Returns the mean over each element's block, along the last axis."""
    return _within(_Within.MEAN, x, first, engine)


def block_deviation(x: jax.Array, first: jax.Array, *, engine: Any = engines.BEST) -> jax.Array:
    """Returns each element less the mean over its block; 0 if the block begins with an infinite element."""
    return _within(_Within.DEVIATION, x, first, engine)


def block_last(x: jax.Array, first: jax.Array, *, engine: Any = engines.BEST) -> jax.Array:
    """Returns the last element of each element's block, without a derivative."""
    return _within(_Within.LAST, lax.stop_gradient(x), first, engine)


class _Within(enum.IntEnum):
    """The numbers of `WithinBlocks` in isotonic.h."""

    MEAN, DEVIATION, LAST = range(3)


def _within(what: _Within, x: jax.Array, first: jax.Array, engine: Any) -> jax.Array:
    operands = _sharding.match_varying(x, first)
    return _within_p.bind(*operands, trailing=0, what=what, engine=engine)[0]


def _blocks_natively(z: jax.Array, w: jax.Array, *, trailing: int, entropic: bool) -> Sequence[jax.Array]:
    del trailing
    out = [jax.ShapeDtypeStruct(z.shape, jnp.bool_)]
    return jax.ffi.ffi_call(library.BLOCKS, out)(z, w, entropic=entropic)


def _blocks_portably(
    z: jax.Array, w: jax.Array, *, trailing: int, entropic: bool, engine: Any
) -> list[jax.Array]:
    """Joins the solutions of halves, of halves of these, and so on: as many steps as n has binary digits.

    In the solution of two parts, all of the left one that is above some level, and all of the right one below
    it, is a block of that level.
    """
    del trailing, engine
    n = z.shape[-1]
    size = 1 << max(n - 1, 0).bit_length()
    padding = [(0, 0, 0)] * (z.ndim - 1) + [(0, size - n, 0)]
    z, w = (lax.pad(a, jnp.asarray(jnp.nan, a.dtype), padding) for a in (z, w))
    values, first = z - w, jnp.ones(z.shape, bool)
    width = 1
    while width < size:
        width *= 2
        shape = (*z.shape[:-1], size // width, width)
        given, taken, found, begins = (a.reshape(shape) for a in (z, w, values, first))
        joined = _join(given, taken, found, begins, entropic)
        values, first = (a.reshape(z.shape) for a in joined)
    return [first[..., :n]]


# Of the search for a level: steps so far, bounds, the level, and the one before.
_State = tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array]


def _join(
    z: jax.Array, w: jax.Array, values: jax.Array, first: jax.Array, entropic: bool
) -> tuple[jax.Array, jax.Array]:
    """Returns values and where blocks begin, if each half of a row, along the last axis, is solved."""
    is_left = lax.broadcasted_iota(jnp.int32, z.shape, z.ndim - 1) < z.shape[-1] // 2
    infinity = jnp.full_like(values, jnp.inf)
    is_number = ~jnp.isnan(values)
    top = jnp.max(jnp.where(is_left & is_number, values, -infinity), -1, keepdims=True)
    bottom = jnp.min(jnp.where(~is_left & is_number, values, infinity), -1, keepdims=True)

    def joined(level: jax.Array) -> jax.Array:
        return jnp.where(is_left, values >= level, values <= level)

    def level_of(joined: jax.Array) -> jax.Array:
        if not entropic:
            difference = jnp.where(joined, z - w, jnp.zeros_like(z))
            number = jnp.sum(joined, -1, keepdims=True).astype(z.dtype)
            return jnp.sum(difference, -1, keepdims=True) / number
        return _log_sum_exp(z, joined) - _log_sum_exp(w, joined)

    def step(state: _State) -> _State:
        number, low, high, level, _ = state
        after = level_of(joined(level))
        low, high = jnp.where(after > level, level, low), jnp.where(after < level, level, high)
        # Where the level that follows leads out of the bounds, a bisection leads on.
        after = jnp.where((after >= low) & (after <= high), after, low + (high - low) / 2)
        return number + 1, low, high, after, level

    def goes_on(state: _State) -> jax.Array:
        number, _, _, level, before = state
        return (number < most) & jnp.any((level != before) & ~jnp.isnan(level) & (top >= bottom))

    most = 2 * jnp.finfo(z.dtype).bits
    state = (jnp.zeros((), jnp.int32), bottom, top, top, jnp.full_like(top, jnp.nan))
    level = lax.while_loop(goes_on, step, state)[3]
    is_joined = joined(level) & (top >= bottom)
    before = jnp.concatenate([jnp.zeros_like(is_joined[..., :1]), is_joined[..., :-1]], -1)
    return jnp.where(is_joined, level, values), first & ~(is_joined & before)


def _log_sum_exp(x: jax.Array, where: jax.Array) -> jax.Array:
    most = jnp.max(jnp.where(where, x, jnp.full_like(x, -jnp.inf)), -1, keepdims=True)
    origin = jnp.where(jnp.isfinite(most), most, jnp.zeros_like(most))
    weights = jnp.where(where, jnp.exp(x - origin), jnp.zeros_like(x))
    return jnp.log(jnp.sum(weights, -1, keepdims=True)) + origin


def _within_natively(x: jax.Array, first: jax.Array, *, trailing: int, what: _Within) -> Sequence[jax.Array]:
    del trailing
    out = [jax.ShapeDtypeStruct(x.shape, x.dtype)]
    return jax.ffi.ffi_call(library.WITHIN_BLOCKS, out)(x, first, what=int(what))


def _within_portably(
    x: jax.Array, first: jax.Array, *, trailing: int, what: _Within, engine: Any
) -> list[jax.Array]:
    del trailing, engine
    axis, n = x.ndim - 1, x.shape[-1]
    place = lax.broadcasted_iota(jnp.int32, x.shape, axis)
    ends = jnp.concatenate([first[..., 1:], jnp.ones_like(first[..., :1])], -1)
    begin = lax.cummax(jnp.where(first, place, jnp.zeros_like(place)), axis)
    end = lax.cummin(jnp.where(ends, place, jnp.full_like(place, n - 1)), axis, reverse=True)
    if what == _Within.LAST:
        return [jnp.take_along_axis(x, end, axis)]

    def add(one: tuple[jax.Array, ...], other: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        return one[0] | other[0], jnp.where(other[0], other[1], one[1] + other[1])

    # From a block's first element, so that a mean of equal ones is exactly that.
    origin = jnp.take_along_axis(x, begin, axis)
    is_finite, zero = jnp.isfinite(origin), jnp.zeros_like(x)
    origin = jnp.where(is_finite, origin, zero)
    offset = x - origin
    sums = lax.associative_scan(add, (first, offset), axis=axis)[1]
    mean = jnp.take_along_axis(sums, end, axis) / (end - begin + 1).astype(x.dtype)
    return [origin + mean if what == _Within.MEAN else jnp.where(is_finite, offset - mean, zero)]


def _within_jvp(
    primals: Sequence[jax.Array], tangents: Sequence[Any], **params: Any
) -> tuple[list[jax.Array], list[Any]]:
    x, first = primals
    found = _within_p.bind(x, first, **params)
    if type(tangents[0]) is ad.Zero:
        return found, [ad.Zero(jax.typeof(x).to_tangent_aval())]
    return found, _within_p.bind(*_sharding.match_varying(tangents[0], first), **params)


def _within_transpose(cotangents: Sequence[Any], x: Any, first: jax.Array, **params: Any) -> list[Any]:
    (cotangent,) = cotangents
    if type(cotangent) is ad.Zero:
        return [ad.Zero(x.aval), None]
    return [_within_p.bind(*_sharding.match_varying(cotangent, first), **params)[0], None]


_blocks_p = make_primitive(
    "diffsort_blocks",
    lambda z, _, **__: [z.update(dtype=jnp.dtype(bool), weak_type=False)],
    _blocks_natively,
    _blocks_portably,
)
_within_p = make_primitive(
    "diffsort_within_blocks", lambda x, _, **__: [x], _within_natively, _within_portably
)
ad.primitive_jvps[_within_p] = _within_jvp
ad.primitive_transposes[_within_p] = _within_transpose
