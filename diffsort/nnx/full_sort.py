"""FullSort: sorts all features."""

import jax
from flax import nnx
from jax.typing import ArrayLike

from diffsort.activations import full_sort
from diffsort.implementations import ImplementationLike


class FullSort(nnx.Module):
    """Sorts the features of each example; 1-Lipschitz, and has no parameters.

    See `diffsort.activations.full_sort` for ties and the source (Anil et al. 2019).

    Args:
        implementation: as in `diffsort.sort`.

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.FullSort()(jnp.array([3., 1., 2., 6.]))
    Array([1., 2., 3., 6.], dtype=float32)
    """

    def __init__(self, *, implementation: ImplementationLike = "manual") -> None:
        self.implementation = implementation

    def __call__(self, x: ArrayLike) -> jax.Array:
        """Sorts features.

        Args:
            x: shape (..., features).

        Returns:
            The same shape, from the smallest feature up.
        """
        return full_sort(x, implementation=self.implementation)
