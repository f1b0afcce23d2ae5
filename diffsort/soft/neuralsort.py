"""NeuralSort: every rank is a mean of the elements, weighed as the greatest of a linear function of all."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from diffsort.engines import library
from diffsort.soft._kernels import fused
from diffsort.soft._method import RelaxedSort, Temperature, method
from diffsort.soft._neighbours import far
from diffsort.soft._rows import capped, gaps, is_top, ranks_of


@method("temperature")
@dataclasses.dataclass(frozen=True)
class NeuralSort(RelaxedSort):
    r"""NeuralSort, in linear memory, with no more work than there are weights that do not vanish.

    For the rank r = 0 … n − 1, from the least,

    $P_{ri} \propto \exp\Big(\big((2r + 1 - n) x_i - \sum_j |x_i - x_j|\big) / \tau\Big), \qquad
    \mathrm{sort}(x) = P x$.

    Each row of P sums to 1; columns do not. It scales and shifts with x: of c x with the temperature c τ
    everything is c times as large.

    In sorted order the logarithm of a row falls away from element r on either side, by 1, 3, 5, … times the
    gaps between the elements, over τ. So nothing cancels or overflows, and a row of weights is a band that
    ends where they vanish. Ranks are $P^\top (0 \dots n-1)$. Only ranks, values and choices are that cheap:
    derivatives other than in reverse mode, of first order, compute all of P, a few rows at a time.

    Attributes:
        temperature: τ > 0, in units of the elements; towards 0 it becomes the exact sort. A traced number, or
            a schedule (see `at`), will do.
        standardize: take τ in units of each slice's standard deviation.

    Source: A. Grover, E. Wang, A. Zweig, S. Ermon, Stochastic Optimization of Sorting Networks via Continuous
    Relaxations, ICLR 2019.

    >>> import diffsort, jax.numpy as jnp
    >>> diffsort.sort(jnp.array([3., 1., 2.]), implementation=NeuralSort(temperature=0.5)).round(1)
    Array([1.1, 2. , 2.9], dtype=float32)
    """

    temperature: Temperature = 0.1
    standardize: bool = False
    name: ClassVar[str] = "neuralsort"

    def _values(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        temperature = self._number("temperature", rows)
        return rows + temperature * _bands(self._gaps(rows, count), transposed=False)

    def _ranks(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        return self._transposed(rows, count, ranks_of(rows))

    def _top(self, rows: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
        masses = self._transposed(rows, count, is_top(rows, count, k).astype(rows.dtype))
        return capped(masses, count, k)

    def _matrix(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        return _weights(self._gaps(rows, count), jnp.arange(rows.shape[-1]))[0]

    def _transposed(self, rows: jax.Array, count: jax.Array | None, u: jax.Array) -> jax.Array:
        """Returns Pᵀ u."""
        return _bands(self._gaps(rows, count), u, transposed=True)

    def _gaps(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        """How far each element is above the one before it, in units of the temperature; finite."""
        gap = gaps(rows, count) / self._number("temperature", rows)
        is_far = gap > far(gap.dtype)
        return jnp.where(is_far, jnp.full_like(gap, far(gap.dtype) + 1), gap)


_TILE = 1 << 20  # weights that are computed at once


def _weights(gap: jax.Array, ranks: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns rows of P, of shape (..., ranks, n), and how far elements are above the one of the rank.

    Sums of terms of one sign, outward from the rank, in which nothing cancels.
    """
    r, i = ranks[:, None], jnp.arange(gap.shape[-1])[None, :]
    odd = jnp.where(i > r, 2 * (i - r) - 1, 2 * (r - i) + 1).astype(gap.dtype)
    gap = jnp.broadcast_to(gap[..., None, :], (*gap.shape[:-1], *odd.shape))
    odd = jnp.broadcast_to(odd, gap.shape)
    up, down = jnp.broadcast_to(i > r, gap.shape), jnp.broadcast_to((i <= r) & (i > 0), gap.shape)

    def outward(terms: jax.Array) -> tuple[jax.Array, jax.Array]:
        zero, last = jnp.zeros_like(terms), terms.ndim - 1
        above = lax.cumsum(jnp.where(up, terms, zero), last)
        below = jnp.where(down, terms, zero)
        shifted = jnp.concatenate([below[..., 1:], zero[..., :1]], -1)
        return above, lax.cumsum(shifted, last, reverse=True)

    above, below = outward(gap * odd)
    farther, nearer = outward(gap)
    return jax.nn.softmax(-(above + below), axis=-1), farther - nearer


def _in_jax(gap: jax.Array, *u: jax.Array, transposed: bool) -> jax.Array:
    """What the kernel computes, in JAX, some rows of P at a time; see neuralsort.h."""
    n = gap.shape[-1]
    if n == 0:
        return gap
    known = gap.size if isinstance(gap.size, int) else n  # in an export other axes may be open
    size = min(n, max(1, _TILE // known))
    starts = jnp.arange(0, n, size)

    def tile(start: jax.Array, gap: jax.Array) -> jax.Array:
        ranks = jnp.minimum(start + jnp.arange(size), n - 1)
        weights, distances = _weights(gap, ranks)
        if not transposed:
            return jnp.sum(weights * distances, -1)
        is_new = (start + jnp.arange(size) < n).astype(gap.dtype)
        given = jnp.take(u[0], ranks, axis=-1) * jnp.broadcast_to(is_new, (*gap.shape[:-1], size))
        return jnp.sum(weights * given[..., None], -2)

    cheap: Callable[..., jax.Array] = jax.checkpoint(tile)
    if transposed:
        total, _ = lax.scan(
            lambda total, start: (total + cheap(start, gap), None), jnp.zeros_like(gap), starts
        )
        return total
    found = jnp.moveaxis(lax.map(lambda start: cheap(start, gap), starts), 0, -2)
    return found.reshape(*gap.shape[:-1], -1)[..., :n]


_bands = fused("neuralsort", _in_jax, library.NEURALSORT, library.NEURALSORT_COTANGENT)
