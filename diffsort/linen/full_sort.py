"""FullSort: sorts all features."""

import jax
from flax import linen as nn
from jax.typing import ArrayLike

from diffsort.activations import full_sort
from diffsort.implementations import ImplementationLike


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
