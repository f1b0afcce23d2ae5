"""Activations that sort, for flax.nnx."""

import jax
from flax import nnx
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort.activations import full_sort, group_sort, max_min
from diffsort.implementations import ImplementationLike

__all__ = ["FullSort", "GroupSort", "MaxMin"]


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


class GroupSort(nnx.Module):
    """Sorts each group of neighbouring features; 1-Lipschitz, and has no parameters.

    See `diffsort.activations.group_sort` for ties and the source (Anil et al. 2019).

    Args:
        group_size: features in a group; divides the number of features.
        implementation: as in `diffsort.sort`.

    Raises:
        ValueError: `group_size` is less than 1.

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.GroupSort(3)(jnp.array([3., 1., 2., 6., 5., 4.]))
    Array([1., 2., 3., 4., 5., 6.], dtype=float32)
    """

    def __init__(self, group_size: int, *, implementation: ImplementationLike = "manual") -> None:
        require_positive(group_size=group_size)
        self.group_size = group_size
        self.implementation = implementation

    def __call__(self, x: ArrayLike) -> jax.Array:
        """Sorts groups.

        Args:
            x: shape (..., features).

        Returns:
            The same shape, each group from its smallest feature up.
        """
        return group_sort(x, self.group_size, implementation=self.implementation)


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
