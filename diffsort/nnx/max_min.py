"""MaxMin: sorts neighbouring features in pairs."""

import jax
from flax import nnx
from jax.typing import ArrayLike

from diffsort.activations import max_min


class MaxMin(nnx.Module):
    """Sorts neighbouring features in pairs, by a comparison; 1-Lipschitz, and has no parameters.

    See `diffsort.activations.max_min` for ties and the source (Anil et al. 2019).

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.MaxMin()(jnp.array([3., 1., 2., 6.]))
    Array([1., 3., 2., 6.], dtype=float32)
    """

    def __call__(self, x: ArrayLike) -> jax.Array:
        """Sorts pairs.

        Args:
            x: shape (..., features), an even number of them.

        Returns:
            The same shape, the smaller of each pair first.
        """
        return max_min(x)
