"""Order-preserving integer keys: comparing the keys is comparing the elements.

Keys make a sort of any real dtype a sort of integers, which is what XLA sorts fast, and they settle
once what `jax.numpy.sort` leaves to a comparator: every NaN is one key above +inf, and −0.0 and +0.0
are one key. The key only orders; values are gathered through the permutation, never decoded.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax


@dataclasses.dataclass(frozen=True)
class Keys:
    """Integer keys and the bounds that all of them respect.

    Attributes:
        values: int32 or int64, of the shape of the elements.
        low: the least value a key of this kind can have.
        high: the greatest value a key of this kind can have.
    """

    values: jax.Array
    low: int
    high: int

    def fits(self, low: int, high: int) -> bool:
        """Whether [low, high] lies inside the dtype of the keys."""
        info = jnp.iinfo(self.values.dtype)
        return int(info.min) <= low and high <= int(info.max)


def order_keys(x: jax.Array, descending: bool = False) -> Keys:
    """Returns keys such that `key(a) < key(b)` exactly when `a` sorts before `b`.

    Args:
        x: any real dtype; booleans too.
        descending: order from the greatest down; NaNs then come first, as in jax.numpy.

    Returns:
        int32 keys for elements of up to 32 bits, int64 keys for wider ones.
    """
    keys = _float_keys(x) if jnp.issubdtype(x.dtype, jnp.floating) else _integer_keys(x)
    if descending:
        return Keys(~keys.values, low=~keys.high, high=~keys.low)
    return keys


def mask_last(keys: Keys, where: jax.Array) -> Keys:
    """Gives every masked element one key greater than any other.

    The caller makes sure that `keys.high + 1` fits the dtype of the keys.
    """
    last = keys.high + 1
    return Keys(jnp.where(where, keys.values, keys.values.dtype.type(last)), keys.low, last)


def _integer_keys(x: jax.Array) -> Keys:
    if x.dtype == jnp.bool_:
        return Keys(x.astype(jnp.int32), 0, 1)
    info = jnp.iinfo(x.dtype)
    wide = jnp.int64 if info.bits > 32 else jnp.int32
    if int(info.max) <= int(jnp.iinfo(wide).max):
        return Keys(x.astype(wide), int(info.min), int(info.max))
    # Unsigned of full width: flipping the top bit is the shift by 2^(bits - 1).
    least = jnp.iinfo(wide).min
    return Keys(lax.bitcast_convert_type(x, wide) ^ wide(least), int(least), int(jnp.iinfo(wide).max))


def _float_keys(x: jax.Array) -> Keys:
    info = jnp.finfo(x.dtype)
    if info.bits < 16:  # exact, and spares a case for every 8-bit float
        return _float_keys(x.astype(jnp.float32))
    signed = {16: jnp.int16, 32: jnp.int32, 64: jnp.int64}[info.bits]
    bits = lax.bitcast_convert_type(x, signed)
    infinity = {jnp.dtype(jnp.bfloat16): 0x7F80, jnp.dtype(jnp.float16): 0x7C00}.get(x.dtype)
    infinity = infinity or {32: 0x7F800000, 64: 0x7FF0000000000000}[info.bits]
    # Compared as floats, not as bits: where the hardware flushes denormals they equal zero, and
    # jax.numpy.sort keeps them in input order.
    bits = jnp.where(x == 0, signed(0), bits)
    bits = jnp.where(jnp.isnan(x), signed(infinity + 1), bits)
    # Negative floats grow in magnitude as their bits grow: flip all but the sign.
    keys = bits ^ ((bits >> signed(info.bits - 1)) & signed(jnp.iinfo(signed).max))
    if info.bits == 16:
        keys = keys.astype(jnp.int32)
    return Keys(keys, low=~infinity, high=infinity + 1)
