"""Projections onto the permutahedron: sorting and ranking as an optimisation over all permutations."""

import dataclasses
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

from diffsort.soft._isotonic import block_deviation, block_last, block_mean, find_blocks
from diffsort.soft._method import RelaxedSort, Temperature, method
from diffsort.soft._rows import is_top, is_valid, ranks_of


@method("strength")
@dataclasses.dataclass(frozen=True)
class Permutahedron(RelaxedSort):
    r"""Fast soft sorting and ranking, in linear time and memory once the elements are sorted.

    The permutahedron P(w) is the convex hull of all orders of w. With ε the strength, ρ = (0 … n − 1) and
    regularization "l2", $\Pi(z, w) = \arg\min_{\mu \in P(w)} \|\mu - z\|^2$ gives

    - the sorted values, $\Pi(\rho / \varepsilon, x)$;
    - the ranks, $\Pi(x / \varepsilon, \rho)$, of the sum n (n − 1) / 2;
    - the choice of the k greatest, $\Pi(x / \varepsilon, (0 \dots 0, 1 \dots 1))$.

    In sorted order it is piecewise linear: on some blocks of neighbours, those of an isotonic regression of
    z − w, it is z less its mean over the block, plus that of w; so its second derivative is 0. A value is a
    mean of elements plus a multiple of 1/ε, and exact where elements are less than 1/ε apart; ranks are where
    they are more than ε apart.

    With regularization "kl" the projection is one in relative entropy,
    $\arg\min_{\mu \in P(e^w)} \sum_i \mu_i (\log \mu_i - z_i - 1)$. Its logarithm is taken for sorted values,
    whose exponentials then have the sum that those of x have; of $w = \log (1 \dots n)$, less 1, for ranks,
    whose sum is as above; and for the choice, of the zeros and ones themselves.

    The sum of the values is that of x with "l2". It shifts with x; scaled by c it has c ε for ranks, ε / c
    for values. An infinite element makes all values infinite, or NaN if there are two of either sign: ε > 0
    lets each pull at all others. There is no matrix.

    Attributes:
        strength: ε > 0 of the regularisation; towards 0 it becomes the exact sort. A traced number, or a
            schedule (see `at`), will do.
        regularization: "l2" or "kl".
        standardize: divide each slice by its standard deviation.

    Raises:
        ValueError: `regularization` is neither.

    Source: M. Blondel, O. Teboul, Q. Berthet, J. Djolonga, Fast Differentiable Sorting and Ranking, ICML
    2020.

    >>> import diffsort, jax.numpy as jnp
    >>> x = jnp.array([3., 1., 2.])
    >>> diffsort.sort(x, implementation=Permutahedron(strength=2.0))
    Array([1.5, 2. , 2.5], dtype=float32)
    >>> diffsort.soft_rank(x, implementation=Permutahedron(strength=2.0))
    Array([1.5, 0.5, 1. ], dtype=float32)
    """

    strength: Temperature = 0.1
    regularization: Literal["l2", "kl"] = "l2"
    standardize: bool = False
    name: ClassVar[str] = "permutahedron"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.regularization not in ("l2", "kl"):
            raise ValueError(f"regularization must be 'l2' or 'kl', not {self.regularization!r}.")

    def _values(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        rank = ranks_of(rows)
        strength = self._number("strength", rows)
        first = self._blocks(rank / strength, rows, count)
        if self.regularization == "l2":
            return block_mean(rows, first) + block_deviation(rank, first) / strength
        below = (rank - block_last(rank, first)) / strength
        last, weights = _weights(rows, first)
        mean = block_mean(weights, first) / block_mean(jnp.exp(below), first)
        return last + below + jnp.log(mean)

    def _ranks(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        if self.regularization == "l2":
            return self._onto(rows, ranks_of(rows), count)
        return self._onto(rows, ranks_of(rows) + 1, count) - 1

    def _top(self, rows: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
        chosen = is_top(rows, count, k).astype(rows.dtype)
        return jnp.clip(self._onto(rows, chosen, count), 0, 1)

    def _matrix(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        del rows, count
        raise ValueError(
            "implementation 'permutahedron' has no matrix, since its sorted values are a projection: use its "
            "soft_rank or top_k_mask, or another implementation, such as 'lapsum'."
        )

    def _onto(self, rows: jax.Array, w: jax.Array, count: jax.Array | None) -> jax.Array:
        """Returns the projection of the rows onto the permutahedron of w, ascending and not negative."""
        z = rows / self._number("strength", rows)
        if self.regularization == "l2":
            first = self._blocks(z, w, count)
            return block_mean(w, first) + block_deviation(z, first)
        first = self._blocks(z, jnp.log(w), count)
        weights = _weights(z, first)[1]
        return block_mean(w, first) * (weights / block_mean(weights, first))

    def _blocks(self, z: jax.Array, w: jax.Array, count: jax.Array | None) -> jax.Array:
        # What is not valid takes no part.
        w = jnp.where(is_valid(w, count), w, jnp.full_like(w, jnp.nan))
        return find_blocks(z, w, entropic=self.regularization == "kl")


def _weights(z: jax.Array, first: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns each block's greatest element, and the exponentials of how far elements are from it."""
    last = block_last(z, first)
    most = jnp.finfo(z.dtype).max
    return last, jnp.exp(jnp.clip(z, -most, most) - jnp.clip(last, -most, most))
