"""Sorting by optimal transport: every rank gets a weighted mean of the elements around it."""

import dataclasses
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from diffsort._arguments import require_positive
from diffsort.soft._method import RelaxedSort, Temperature, check_positive, method
from diffsort.soft._rows import capped, is_valid
from diffsort.soft._sinkhorn import Settings, plan, potential, why_unavailable


@method("epsilon")
@dataclasses.dataclass(frozen=True)
class Transport(RelaxedSort):
    r"""The Sinkhorn sort, with ott-jax.

    Standardised to $\bar x$ and squashed into [0, 1] by the logistic function σ, the n elements are moved
    to the targets $y_k = k / (n - 1)$ by the plan of least cost and some entropy, all weights being 1/n:

    $T = \arg\min_T \sum_{ik} T_{ik} (\sigma(\bar x_i) - y_k)^2 - \varepsilon H(T), \qquad
    P_{ki} = n T_{ik}, \qquad \mathrm{sort}(x) = P x$.

    Rows of P sum to 1, columns do within `threshold`. It scales and shifts with x. With 64 standard normal
    elements and ε = 0.01 it differs from the hard sort by 0.03 in the middle and 0.5 at the ends (means);
    with ε = 0.001, by 0.01 and 0.13. A slice that holds a NaN or an infinity becomes NaN throughout.

    Derivatives of every order work, in forward and in reverse mode; inside a `jax.lax.scan` or `fori_loop`
    with JAX before 0.11, which there forgets a rule once it has used it, those of first order. Inside a
    shard_map, and so under explicit sharding, ott-jax needs `jax.shard_map(..., check_vma=False)`. Memory
    grows with n² a slice.

    Attributes:
        epsilon: strength ε > 0 of the regularisation; towards 0 it becomes the exact sort. A traced number,
            or a schedule (see `at`), will do.
        threshold: the iterations end where the weights of the targets are missed by no more, in sum.
        max_iterations: most iterations, whatever is missed.

    Raises:
        TypeError: `max_iterations` is not an integer.
        ValueError: `epsilon`, `threshold` or `max_iterations` is not positive.

    Source: M. Cuturi, O. Teboul, J.-P. Vert, Differentiable Ranks and Sorting using Optimal Transport,
    NeurIPS 2019.

    >>> import diffsort, jax.numpy as jnp
    >>> for soft in (Transport(), Transport(epsilon=0.1)):
    ...     print(diffsort.sort(jnp.array([3., 1., 2.]), implementation=soft).round(1).tolist())
    [1.0, 2.0, 3.0]
    [1.2000000476837158, 2.0, 2.799999952316284]
    """

    epsilon: Temperature = 0.01
    threshold: float = 0.001
    max_iterations: int = 2000
    name: ClassVar[str] = "ott"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self.threshold, "threshold")
        require_positive(max_iterations=self.max_iterations)

    def why_unavailable(self) -> str | None:
        """Returns why it cannot be used here, or None."""
        return why_unavailable()

    def _values(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        return self._each(_Solved.values, rows, count)

    def _ranks(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        k = jnp.arange(rows.shape[-1], dtype=rows.dtype)
        return self._each(lambda solved: _product(solved.matrix.T, k * solved.valid), rows, count)

    def _top(self, rows: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
        def masses(solved: "_Solved") -> jax.Array:
            place = jnp.arange(rows.shape[-1], dtype=rows.dtype)
            is_top = place >= jnp.sum(solved.valid) - k
            return _product(solved.matrix.T, solved.valid * is_top.astype(rows.dtype))

        return capped(self._each(masses, rows, count), count, k)

    def _matrix(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        return self._each(lambda solved: solved.matrix, rows, count)

    def _each(
        self, function: Callable[["_Solved"], jax.Array], rows: jax.Array, count: jax.Array | None
    ) -> jax.Array:
        """Calls a function of the solution for each row."""
        epsilon, settings = self._number("epsilon", rows), Settings(self.threshold, self.max_iterations)
        n = rows.shape[-1]

        def call(row: jax.Array, valid: jax.Array) -> jax.Array:
            return function(_solve(row, valid, epsilon, settings))

        found = jax.vmap(call)(rows.reshape(-1, n), is_valid(rows, count).reshape(-1, n))
        return found.reshape(*rows.shape, *found.shape[2:])


class _Solved(NamedTuple):
    """The transport of a row: its matrix P, and the row as mean + scale × standardised, from an origin.

    Attributes:
        matrix: P, of shape (n, n).
        valid: 1 for the elements there are, then 0.
        standardised: the elements, of mean 0 and deviation 1.
        origin: what the row was measured from, and in which unit.
        unit: see `origin`.
        mean: in that unit.
        scale: the standard deviation, in that unit.
    """

    matrix: jax.Array
    valid: jax.Array
    standardised: jax.Array
    origin: jax.Array
    unit: jax.Array
    mean: jax.Array
    scale: jax.Array

    def values(self) -> jax.Array:
        """Returns the softly sorted values."""
        moved = self.mean + self.scale * _product(self.matrix, self.standardised)
        return self.origin + self.unit * moved


def _product(matrix: jax.Array, vector: jax.Array) -> jax.Array:
    return jnp.matmul(matrix, vector, precision=lax.Precision.HIGHEST)


def _solve(row: jax.Array, where: jax.Array, epsilon: jax.Array, settings: Settings) -> _Solved:
    """Solves one row. It ascends already, and what is masked is at its end."""
    where = where | ~jnp.any(where)  # a row of which all is masked is one of zeros
    valid = where.astype(row.dtype)
    count = jnp.sum(valid)
    # Measured from one of them, equal elements are exactly 0, however their mean is rounded.
    origin = lax.stop_gradient(row[0])
    offset = jnp.where(where, row - origin, jnp.zeros_like(row))
    # In a unit of their own size, whatever that is, so that no square leaves the range of the numbers.
    largest = lax.stop_gradient(jnp.max(jnp.abs(offset)))
    unit = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    offset /= unit
    mean = jnp.sum(offset) / count
    centred = jnp.where(where, offset - mean, jnp.zeros_like(row))
    variance = jnp.sum(centred**2) / count
    scale = jnp.sqrt(jnp.where(variance == 0, jnp.ones_like(variance), variance))
    standardised = centred / scale
    targets = jnp.arange(row.size, dtype=row.dtype) / jnp.maximum(count - 1, 1)
    cost = (jax.nn.sigmoid(standardised)[:, None] - targets[None, :]) ** 2 / epsilon
    matrix = plan(potential(cost, valid, settings), cost, valid).T
    return _Solved(matrix, valid, standardised, origin, unit, mean, scale)
