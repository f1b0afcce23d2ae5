"""GroupSort: sorts each group of neighbouring features."""

import jax
from flax import linen as nn
from jax.typing import ArrayLike

from diffsort.activations import group_sort
from diffsort.implementations import ImplementationLike


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
