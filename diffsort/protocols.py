"""What the functions that sort look like: the protocols of implementations and engines."""

from typing import Protocol

import jax

__all__ = ["Argsort", "Permute", "Select", "Sort", "SortWithIndices"]


class Sort(Protocol):
    """A sort along one axis."""

    def __call__(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns `x` sorted, masked elements last.

        Args:
            x: real, at least two elements long along `axis`; 0 where it is masked.
            axis: non-negative.
            descending: from the greatest down.
            where: None, or boolean of the shape of `x`.
        """


class Argsort(Protocol):
    """The stable permutation of a sort."""

    def __call__(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns integer indices, ties in input order, masked elements last; arguments as for `Sort`."""


class SortWithIndices(Protocol):
    """A sort that returns its permutation too."""

    def __call__(
        self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """Returns (values, int32 indices), ties in input order; arguments as for `Sort`."""


class Select(Protocol):
    """Some of what a sort returns, by rank."""

    def __call__(
        self,
        x: jax.Array,
        *,
        axis: int,
        start: int,
        stop: int,
        descending: bool,
        where: jax.Array | None,
    ) -> tuple[jax.Array, jax.Array]:
        """Returns what `SortWithIndices` does, from number `start` up to `stop` along `axis`."""


class Permute(Protocol):
    """The linear map of a permutation, or of its inverse."""

    def __call__(self, x: jax.Array, indices: jax.Array, axis: int, /) -> jax.Array:
        """Returns `x` rearranged along `axis`, as `diffsort.permute` does."""
