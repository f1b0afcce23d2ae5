"""MaxMin: sorts neighbouring features in pairs."""

import jax
from flax import linen as nn
from jax.typing import ArrayLike

from diffsort.activations import max_min


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
