"""SortPooling: the first k points by the last channel."""

import jax
from flax import nnx
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort.implementations import ImplementationLike
from diffsort.pooling import sort_pool


class SortPooling(nnx.Module):
    """Keeps the k points that are greatest in the last channel, in order; has no parameters.

    See `diffsort.pooling.sort_pool` for ties, padding and the source (Zhang et al. 2018).

    Args:
        k: how many points to keep; smaller sets are padded with rows of 0.
        sort_channels: how many channels to compare, from the last one backwards.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Raises:
        ValueError: `k` or `sort_channels` is less than 1.

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.SortPooling(30)(jnp.ones((8, 100, 16))).shape
    (8, 30, 16)
    """

    def __init__(
        self, k: int, *, sort_channels: int = 1, implementation: ImplementationLike = "manual"
    ) -> None:
        require_positive(k=k, sort_channels=sort_channels)
        self.k = k
        self.sort_channels = sort_channels
        self.implementation = implementation

    def __call__(self, x: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, channels).
            where: boolean mask of the points, broadcastable to (..., n).

        Returns:
            Points in order, shape (..., k, channels).
        """
        return sort_pool(
            x, self.k, where=where, sort_channels=self.sort_channels, implementation=self.implementation
        )
