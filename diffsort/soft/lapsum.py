"""LapSum: ranks, sorted values and choices from one sum of Laplace distributions around the elements."""

import dataclasses
import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from diffsort.engines import library
from diffsort.soft._kernels import fused, shift
from diffsort.soft._method import RelaxedSort, Temperature, method
from diffsort.soft._neighbours import far, neighbours, sums_of
from diffsort.soft._rows import difference, gaps, is_valid, positions, ranks_of


@method("temperature")
@dataclasses.dataclass(frozen=True)
class LapSum(RelaxedSort):
    r"""LapSum, in linear time and memory once the elements are sorted.

    $F(y) = \sum_i \Lambda((y - x_i) / \tau)$, where Λ is the distribution function of the standard Laplace
    distribution, counts the elements below y, softly. From it follow, all in closed form,

    - the rank of an element, $F(x_i) - \tfrac12$;
    - the sorted values, the inverse: $F(y_k) = k + \tfrac12$;
    - the choice of the k greatest, $\Lambda((x_i - b) / \tau)$, where $F(b) = n - k$;
    - the matrix $P_{ki} = \Lambda((b_{k+1} - x_i) / \tau) - \Lambda((b_k - x_i) / \tau)$ with $F(b_k) = k$,
      whose rows and columns sum to 1.

    The sorted values are not P x, and the least and the greatest lie outside the elements where these are
    closer than τ. It scales and shifts with x: of c x with the temperature c τ everything is c times as
    large.

    Attributes:
        temperature: τ > 0, in units of the elements; towards 0 it becomes the exact sort. A traced number, or
            a schedule (see `at`), will do.
        standardize: take τ in units of each slice's standard deviation.

    Source: Ł. Struski, M. B. Bednarczyk, I. T. Podolak, J. Tabor, LapSum: One Method to Differentiate Them
    All: Ranking, Sorting and Top-k Selection, ICML 2025.

    >>> import diffsort, jax.numpy as jnp
    >>> diffsort.sort(jnp.array([3., 1., 2.]), implementation=LapSum(temperature=0.5)).round(2)
    Array([0.93, 2.  , 3.07], dtype=float32)
    >>> diffsort.soft_rank(jnp.array([3., 1., 2.]), implementation=LapSum(temperature=0.5)).round(2)
    Array([1.92, 0.08, 1.  ], dtype=float32)
    """

    temperature: Temperature = 0.1
    standardize: bool = False
    name: ClassVar[str] = "lapsum"

    def _values(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        return rows + self._number("temperature", rows) * self._inverse(rows, count, half=True)

    def _ranks(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        sums = neighbours(rows, count, self._number("temperature", rows))
        return ranks_of(rows) + (sums.above - sums.below) / 2

    def _top(self, rows: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
        n = rows.shape[-1]
        if k == 0 or n == 0:
            return jnp.zeros_like(rows)
        least = jnp.full_like(rows[..., :1], n, jnp.int32) if count is None else count
        place = jnp.clip(least - k, 0, n - 1)
        pick = functools.partial(jnp.take_along_axis, indices=place, axis=-1)
        above = self._above(rows, pick(rows)) - pick(self._inverse(rows, count, half=False))
        return jnp.where(k < least, _laplace(above), jnp.ones_like(rows))

    def _matrix(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        valid = is_valid(rows, count)
        bounds = self._inverse(rows, count, half=False)
        below = self._above(rows[..., :, None], rows[..., None, :]) + bounds[..., :, None]  # b_k − x_i
        passed = _laplace(below)
        k, n = positions(rows), jnp.sum(valid, -1, keepdims=True, dtype=jnp.int32)
        passed = jnp.where(((k > 0) & valid)[..., None], passed, jnp.zeros_like(passed))
        after = shift(passed.mT, -1).mT
        return jnp.where((k == n - 1)[..., None], jnp.ones_like(after), after) - passed

    def _above(self, rows: jax.Array, other: jax.Array) -> jax.Array:
        """Returns how far the rows are above others, in units of the temperature; equal infinities by 0."""
        return difference(rows, other) / self._number("temperature", rows)

    def _inverse(self, rows: jax.Array, count: jax.Array | None, half: bool) -> jax.Array:
        """Returns how far above the element k of the rows F is k + ½, or k, in units of the temperature."""
        gap = jnp.minimum(gaps(rows, count) / self._number("temperature", rows), 1e30)
        n = jnp.full_like(rows[..., :1], rows.shape[-1], jnp.int32) if count is None else count
        return _offsets(gap, n, half=half)


def _laplace(x: jax.Array) -> jax.Array:
    """The distribution function of the standard Laplace distribution."""
    # Chosen twice, for the derivative at 0.
    tail = jnp.exp(-jnp.abs(jnp.where(x == 0, jnp.ones_like(x), x))) / 2
    tail = jnp.where(x == 0, (1 - x) / 2, tail)
    return jnp.where(x > 0, 1 - tail, jnp.where(x < 0, tail, (1 + x) / 2))


def _solve(gap: jax.Array, count: jax.Array, *, half: bool) -> jax.Array:
    """What the kernel computes, in JAX; see lapsum.h."""
    k = positions(gap)
    valid = k < count
    is_near = (gap < far(gap.dtype)) & (k > 0) & valid
    sums = sums_of(gap, is_near)
    below, above = 1 + sums.below, 1 + sums.above
    position = jnp.cumsum(sums.gap, -1)
    # F at element i is i + (1 + above − below) / 2. Whole numbers tell how many are below a result.
    more = lax.stop_gradient((above - below) / 2) + (0 if half else 0.5)
    begins = jnp.where(valid, k + jnp.ceil(more).astype(jnp.int32), jnp.iinfo(jnp.int32).max)
    search = functools.partial(jnp.searchsorted, side="right")
    for _ in range(gap.ndim - 1):
        search = jax.vmap(search)
    passed = search(lax.cummax(begins, gap.ndim - 1), k).astype(jnp.int32)
    before, after = jnp.clip(passed - 1, 0), jnp.clip(passed, max=gap.shape[-1] - 1)
    take = functools.partial(jnp.take_along_axis, axis=-1)
    has_before, has_after = passed > 0, passed < count
    between = take(gap, after)
    joined = has_before & has_after & take(is_near, after)
    product = (
        take(below, before) * take(above, after) * jnp.exp(-jnp.where(joined, between, jnp.zeros_like(gap)))
    )
    product = jnp.where(joined, product, jnp.zeros_like(product))
    excess = (k - passed).astype(gap.dtype) + (0.5 if half else 0)
    square = excess**2 + product
    is_found = valid & (square > 0)
    root = jnp.sqrt(jnp.where(is_found, square, jnp.ones_like(square)))
    weight = jnp.where(excess >= 0, take(above, after), take(below, before))
    distance = jnp.log(weight) - jnp.log(jnp.where(is_found, jnp.abs(excess) + root, jnp.ones_like(root)))
    found = (
        jnp.where(excess >= 0, take(position, after) - distance, take(position, before) + distance) - position
    )
    is_start = (not half) & ~is_near
    found = jnp.where(is_start, -lax.stop_gradient(gap) / 2, found)
    return jnp.where(valid, found, jnp.zeros_like(found))


_offsets = fused("lapsum", _solve, library.LAPSUM, library.LAPSUM_COTANGENT)
