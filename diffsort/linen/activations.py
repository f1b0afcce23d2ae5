"""Activations that sort, for flax.linen."""

import jax
from flax import linen as nn
from jax.typing import ArrayLike

from diffsort.activations import full_sort, group_sort, max_min
from diffsort.implementations import ImplementationLike

__all__ = ["FullSort", "GroupSort", "MaxMin"]


class FullSort(nn.Module):
    """Sorts the features of each example; 1-Lipschitz, and has no parameters.

    The twin of `diffsort.nnx.FullSort`.

    Attributes:
        implementation: as in `diffsort.sort`.
    """

    implementation: ImplementationLike = "manual"

    def __call__(self, x: ArrayLike) -> jax.Array:
        """Sorts features.

        Args:
            x: shape (..., features).

        Returns:
            The same shape, from the smallest feature up.
        """
        return full_sort(x, implementation=self.implementation)


class GroupSort(nn.Module):
    """Sorts each group of neighbouring features; 1-Lipschitz, and has no parameters.

    The twin of `diffsort.nnx.GroupSort`.

    Attributes:
        group_size: features in a group; divides the number of features.
        implementation: as in `diffsort.sort`.
    """

    group_size: int
    implementation: ImplementationLike = "manual"

    def __call__(self, x: ArrayLike) -> jax.Array:
        """Sorts groups.

        Args:
            x: shape (..., features).

        Returns:
            The same shape, each group from its smallest feature up.

        Raises:
            ValueError: `group_size` is less than 1, or does not divide the number of features.
        """
        return group_sort(x, self.group_size, implementation=self.implementation)


class MaxMin(nn.Module):
    """Sorts neighbouring features in pairs, by a comparison; 1-Lipschitz, and has no parameters.

    The twin of `diffsort.nnx.MaxMin`.
    """

    def __call__(self, x: ArrayLike) -> jax.Array:
        """Sorts pairs.

        Args:
            x: shape (..., features), an even number of them.

        Returns:
            The same shape, the smaller of each pair first.
        """
        return max_min(x)
