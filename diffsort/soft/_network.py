"""Networks of relaxed comparators in terms of JAX: layer by layer, without a gather.

Wires are along the last axis. Elements behind the `count` first ones of a row are not there: a comparator
with one does nothing, nor does a layer that a network of `count` wires has not.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


def _logistic(v: jax.Array) -> jax.Array:
    return jax.nn.sigmoid(-v)


def _cauchy(v: jax.Array) -> jax.Array:
    is_far, one = v > 1, jnp.ones_like(v)
    near = jnp.arctan(jnp.where(is_far, one, v)) / jnp.pi
    return jnp.where(is_far, jnp.arctan(1 / jnp.where(is_far, v, one)) / jnp.pi, 0.5 - near)


def _optimal(v: jax.Array) -> jax.Array:
    is_far = v > 0.25
    return jnp.where(is_far, 1 / (16 * jnp.where(is_far, v, jnp.ones_like(v))), 0.5 - v)


# f(−v), of v ≥ 0; the kernel numbers them as they stand here. No difference of near numbers, no overflow.
SIGMOID_TAILS: tuple[Callable[[jax.Array], jax.Array], ...] = (_logistic, _cauchy, _optimal)


class _Layer(NamedTuple):
    """Comparators of wires at one distance.

    Attributes:
        distance: of the two wires of a comparator, a power of two.
        is_mirrored: within blocks of twice that distance, the first wire meets the last one instead, the
            second the last but one, and so on.
        is_shifted: the first and the last wire of all have no comparator.
    """

    distance: int
    is_mirrored: bool = False
    is_shifted: bool = False

    def split(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns what is on the lower and on the upper wire of each comparator."""
        if self.is_shifted:
            x = x[..., 1:-1]
        blocks = x.reshape(*x.shape[:-1], -1, 2, self.distance)
        low, high = blocks[..., 0, :], blocks[..., 1, :]
        if self.is_mirrored:
            high = lax.rev(high, (high.ndim - 1,))
        shape = (*x.shape[:-1], x.shape[-1] // 2)
        return low.reshape(shape), high.reshape(shape)

    def join(self, low: jax.Array, high: jax.Array, x: jax.Array) -> jax.Array:
        """Returns all wires; those without a comparator are as in `x`."""
        shape = (*low.shape[:-1], -1, self.distance)
        low, high = low.reshape(shape), high.reshape(shape)
        if self.is_mirrored:
            high = lax.rev(high, (high.ndim - 1,))
        joined = jnp.stack([low, high], -2).reshape(*low.shape[:-2], -1)
        return jnp.concatenate([x[..., :1], joined, x[..., -1:]], -1) if self.is_shifted else joined


class Network(NamedTuple):
    """A network that values have gone through: what it did with them.

    Attributes:
        values: on the wires behind it, of the shape of what went in.
        layers: its layers; those of an odd-even network repeat.
        alphas: α of the comparators of each layer; of an odd-even network stacked along a new first axis.
        is_bitonic: which network it is.
    """

    values: jax.Array
    layers: tuple[_Layer, ...]
    alphas: tuple[jax.Array, ...]
    is_bitonic: bool

    def matrix(self) -> jax.Array:
        """Returns P, of shape (..., n, n), with `values` P times what went in."""
        n = self.values.shape[-1]
        identity = jnp.broadcast_to(jnp.eye(n, dtype=self.values.dtype), (*self.values.shape, n))
        return self._carry(identity, reverse=False).mT

    def transposed(self, w: jax.Array) -> jax.Array:
        """Returns Pᵀ w, of the shape of w; that of the values."""
        return self._carry(w, reverse=True)

    def _carry(self, v: jax.Array, *, reverse: bool) -> jax.Array:
        """Takes other values through the network, or through its transpose: it, backwards.

        Args:
            v: of the shape of the values, or with one more axis before the last.
            reverse: take the transpose.
        """

        def through(v: jax.Array, alphas: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
            pairs = zip(self.layers, alphas, strict=True)
            for layer, alpha in reversed([*pairs]) if reverse else pairs:
                low, high = layer.split(v)
                alpha = alpha if v.ndim == self.values.ndim else alpha[..., None, :]
                rest = 1 - alpha
                v = layer.join(alpha * low + rest * high, rest * low + alpha * high, v)
            return v, None

        n = v.shape[-1]
        v = _padded(v, self.is_bitonic)
        if self.is_bitonic:
            return through(v, self.alphas)[0][..., :n]
        return lax.scan(through, v, self.alphas, reverse=reverse)[0][..., :n]


def run_network(
    x: jax.Array, steepness: jax.Array, count: jax.Array | None, *, is_bitonic: bool, sigmoid: int
) -> Network:
    r"""Takes rows through a network.

    An odd-even network has n layers, a bitonic one $p (p + 1) / 2$ with $2^{p - 1} < n \le 2^p$. Both put
    the greater value on the upper wire always, so that missing upper wires change nothing: that is what a
    length which is no power of two comes to. A derivative keeps what is on the wires before every layer, or
    every second one: memory grows with n times the layers.

    Args:
        x: along the last axis.
        steepness: β > 0, of length 1 along the last axis.
        count: how many elements there are, those in front, int32, of length 1 along the last axis; or None.
        is_bitonic: bitonic, not odd-even.
        sigmoid: number in `SIGMOID_TAILS`.
    """
    n = x.shape[-1]
    there = jnp.asarray(n, jnp.int32) if count is None else count
    x = _padded(x, is_bitonic)
    wire = lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)

    def compare(x: jax.Array, layer: _Layer, needed: int | jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns all wires behind a layer that rows of more than `needed` elements have, and its α."""
        (a, b), (_, upper) = layer.split(x), layer.split(wire)
        is_active = (upper < there) & (needed < there)
        # Of values in order, low + s (high − low) with s = f(−β (high − low)) ≤ 1/2 is what α makes of them.
        # Equal ones count as in order, and there it is a smooth function too: every derivative is right.
        swap = is_active & (b < a)
        low, high = jnp.where(swap, b, a), jnp.where(swap, a, b)
        is_alike = (a == b) & jnp.isinf(a)
        zero = jnp.zeros_like(a)
        distance = jnp.where(is_alike, zero, high) - jnp.where(is_alike, zero, low)
        share = jnp.where(is_active, SIGMOID_TAILS[sigmoid](steepness * distance), zero)
        # Where it is 0 the values stay as they are, also where the distance is infinite.
        exchanged = share * jnp.where(share > 0, distance, zero)
        alpha = jnp.where(swap, share, 1 - share)
        return layer.join(low + exchanged, high - exchanged, x), alpha

    if is_bitonic:
        layers, alphas = [], []
        for half in (2**p for p in range((n - 1).bit_length())):
            for distance in (half >> k for k in range(half.bit_length())):
                layers.append(_Layer(distance, is_mirrored=distance == half))
                x, alpha = compare(x, layers[-1], half)
                alphas.append(alpha)
        return Network(x[..., :n], tuple(layers), tuple(alphas), is_bitonic)

    both = (_Layer(1), _Layer(1, is_shifted=True))

    def two_layers(x: jax.Array, number: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        x, first = compare(x, both[0], number)
        x, second = compare(x, both[1], number + 1)
        return x, (first, second)

    numbers = jnp.arange(0, n, 2, dtype=jnp.int32)
    x, stacked = lax.scan(jax.checkpoint(two_layers, prevent_cse=False), x, numbers)
    return Network(x[..., :n], both, stacked, is_bitonic)


def _padded(x: jax.Array, is_bitonic: bool) -> jax.Array:
    """Returns `x` with wires behind it, to the next length that its layers fit."""
    n = x.shape[-1]
    length = 1 << (n - 1).bit_length() if is_bitonic else n + n % 2
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, length - n)])
