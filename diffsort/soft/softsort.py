"""SoftSort: every rank is a mean of the elements, weighed by how far they are from the one of that rank."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from diffsort.soft._kernels import recurrence, shift
from diffsort.soft._method import RelaxedSort, Temperature, method
from diffsort.soft._neighbours import Neighbours, neighbours
from diffsort.soft._rows import capped, difference, is_top, is_valid, ranks_of


@method("temperature")
@dataclasses.dataclass(frozen=True)
class SoftSort(RelaxedSort):
    r"""SoftSort with the absolute distance, in linear time and memory once the elements are sorted.

    $P_{ki} = \exp(-|x_{(k)} - x_i| / \tau) / Z_k, \qquad Z_k = \sum_j \exp(-|x_{(k)} - x_j| / \tau), \qquad
    \mathrm{sort}(x) = P x$.

    Each row of P sums to 1; columns do not. It scales and shifts with x: of c x with the temperature c τ
    everything is c times as large.

    In sorted order no matrix is needed: with $d_k = \exp(-(x_{(k)} - x_{(k-1)}) / \tau) \le 1$, the weights
    below rank k sum to $L_k = d_k (L_{k-1} + 1)$, and their distances from it, in units of τ, to
    $D_k = d_k D_{k-1} + (x_{(k)} - x_{(k-1)}) L_k / \tau$; likewise from above. These linear recurrences are
    all that is computed, and all that is differentiated. Ranks are $P^\top (0 \dots n-1)$.

    Attributes:
        temperature: τ > 0, in units of the elements; towards 0 it becomes the exact sort. A traced number, or
            a schedule (see `at`), will do.
        standardize: take τ in units of each slice's standard deviation.

    Source: S. Prillo, J. M. Eisenschlos, SoftSort: A Continuous Relaxation for the argsort Operator, ICML
    2020.

    >>> import diffsort, jax.numpy as jnp
    >>> diffsort.sort(jnp.array([3., 1., 2.]), implementation=SoftSort(temperature=0.5)).round(2)
    Array([1.15, 2.  , 2.85], dtype=float32)
    """

    temperature: Temperature = 0.1
    standardize: bool = False
    name: ClassVar[str] = "softsort"

    def _values(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        sums = self._neighbours(rows, count)
        # In units of the temperature, since a gap may be as large as the greatest number there is.
        below = recurrence(sums.decay, sums.gap * sums.below)
        above = recurrence(shift(sums.decay, -1), shift(sums.gap, -1) * sums.above, reverse=True)
        return rows + self._number("temperature", rows) * ((above - below) / sums.total)

    def _ranks(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        return self._neighbours(rows, count).transposed(ranks_of(rows))

    def _top(self, rows: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
        chosen = is_top(rows, count, k).astype(rows.dtype)
        return capped(self._neighbours(rows, count).transposed(chosen), count, k)

    def _matrix(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        distance = jnp.abs(difference(rows[..., :, None], rows[..., None, :]))
        both = is_valid(rows, count)[..., None, :]
        return jax.nn.softmax(-distance / self._number("temperature", rows), axis=-1, where=both)

    def _neighbours(self, rows: jax.Array, count: jax.Array | None) -> Neighbours:
        return neighbours(rows, count, self._number("temperature", rows))
