"""What an engine is: the ways to find a sorting permutation and to move arrays through it."""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import jax


class Argsort(Protocol):
    """Finds the stable permutation of a sort."""

    def __call__(
        self,
        x: jax.Array,
        *,
        axis: int,
        descending: bool,
        where: jax.Array | None,
        ties_reversed: bool = False,
        dtype: jax.typing.DTypeLike = ...,
    ) -> jax.Array:
        """Returns the indices.

        Args:
            x: any real dtype.
            axis: non-negative.
            descending: order from the greatest down.
            where: boolean, of the shape of `x`; masked elements come last.
            ties_reversed: of equal elements the last comes first, not the first.
            dtype: of the indices: int32, or uint16 where it can count the elements.
        """


class SortWithIndices(Protocol):
    """Finds the permutation, and the values in their order."""

    def __call__(
        self,
        x: jax.Array,
        *,
        axis: int,
        descending: bool,
        where: jax.Array | None,
        ties_reversed: bool = False,
        dtype: jax.typing.DTypeLike = ...,
    ) -> tuple[jax.Array, jax.Array]:
        """Returns (values, indices); arguments as for Argsort. Masked elements hold 0, and stay so."""


class Sort(Protocol):
    """Finds the values in their order alone, equal ones as in `ties_reversed=descending`."""

    def __call__(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns the values; arguments as for Argsort."""


# Moves an array through a permutation, or back: (x, indices, axis), as in `diffsort.gathering`.
Move = Callable[[jax.Array, jax.Array, int], jax.Array]


@dataclasses.dataclass(frozen=True)
class Engine:
    """How permutations are found and applied. An engine never touches differentiation.

    Attributes:
        argsort: the permutation.
        sort_with_indices: values and permutation in one pass.
        sort: the values alone.
        gather: applies a permutation.
        scatter: applies its inverse.
    """

    argsort: Argsort
    sort_with_indices: SortWithIndices
    sort: Sort
    gather: Move
    scatter: Move


def narrow_dtype(n: int) -> jax.typing.DTypeLike:
    """The least dtype that counts `n` elements: half the memory for what is kept until the backward pass."""
    is_small = isinstance(n, int) and n <= 2**16  # not so for symbolic sizes, in an export
    return jax.numpy.uint16 if is_small else jax.numpy.int32
