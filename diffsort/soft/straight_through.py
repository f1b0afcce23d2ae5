"""Exact values with the derivative of a relaxed sort."""

import dataclasses
from collections.abc import Callable
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax import lax

from diffsort import engines
from diffsort._exact import exact_permutation, exact_rank, exact_top_k_mask
from diffsort.soft._method import RelaxedSort, method


@method("method")
@dataclasses.dataclass(frozen=True)
class StraightThrough(RelaxedSort):
    """The straight-through estimator: forward the exact sort, backward a relaxed one.

    Values, ranks, permutations and masks are those of the exact sort, bit for bit; every derivative is that
    of the relaxed method at the same elements. `implementation="straight_through:softsort"` is
    `StraightThrough(SoftSort())`.

    Attributes:
        method: the relaxed sort whose derivative is taken.

    Raises:
        TypeError: `method` is not a relaxed sort.

    Source: Y. Bengio, N. Léonard, A. Courville, Estimating or Propagating Gradients Through Stochastic
    Neurons for Conditional Computation, 2013.

    >>> import diffsort, jax, jax.numpy as jnp
    >>> from diffsort.soft import SoftSort
    >>> least = lambda x: diffsort.sort(x, implementation=StraightThrough(SoftSort(0.5)))[0]
    >>> x = jnp.array([3., 1., 2.])
    >>> least(x), jax.grad(least)(x).round(2)
    (Array(1., dtype=float32), Array([-0.04,  1.13, -0.08], dtype=float32))
    """

    method: RelaxedSort

    def __post_init__(self) -> None:
        if isinstance(self.method, (str, int, float, type)):
            raise TypeError(f"method must be a relaxed sort, such as SoftSort(), not {self.method!r}.")

    @property
    def name(self) -> str:  # type: ignore[override]
        """What messages call it, and `implementation=` if the method has its default settings."""
        return f"straight_through:{self.method.name}"

    def at(self, step: Any) -> Self:
        """Returns this with the numbers that the method's schedules give for a step."""
        return dataclasses.replace(self, method=self.method.at(step))

    def resolved(self) -> Self:
        """Returns this; raises a ValueError if the method has a schedule, and no step was given."""
        self.method.resolved()
        return self

    def why_unavailable(self) -> str | None:
        """Returns why the method cannot be used here, or None."""
        return self.method.why_unavailable()

    def sort(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns sorted values; see `diffsort.sort`."""
        return _through(engines.BEST.sort, self.method.sort, x, axis=axis, descending=descending, where=where)

    def soft_rank(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns ranks; see `diffsort.soft_rank`."""
        return _through(exact_rank, self.method.soft_rank, x, axis=axis, descending=descending, where=where)

    def soft_permutation(
        self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None
    ) -> jax.Array:
        """Returns permutation matrices; see `diffsort.soft_permutation`."""
        relaxed = self.method.soft_permutation
        return _through(exact_permutation, relaxed, x, axis=axis, descending=descending, where=where)

    def top_k_mask(self, x: jax.Array, k: int, *, axis: int, where: jax.Array | None) -> jax.Array:
        """Returns which elements are among the k greatest; see `diffsort.top_k_mask`."""
        return _through(exact_top_k_mask, self.method.top_k_mask, x, k, axis=axis, where=where)


def _through(
    exact: Callable[..., jax.Array], relaxed: Callable[..., jax.Array], x: jax.Array, *k: int, **order: Any
) -> jax.Array:
    # Added as a difference of 0, which holds at every order and inside a scan; not finite, it would be NaN.
    soft = relaxed(x, *k, **order)
    soft = jnp.where(jnp.isfinite(soft), soft, jnp.zeros_like(soft))
    return exact(lax.stop_gradient(x), *k, **order) + (soft - lax.stop_gradient(soft))
