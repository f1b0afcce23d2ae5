"""SortPooling: the first k points by the last channel."""

import jax
from flax import linen as nn
from jax.typing import ArrayLike

from diffsort.implementations import ImplementationLike
from diffsort.pooling import sort_pool


class SortPooling(nn.Module):
    """Keeps the k points that are greatest in the last channel, in order; has no parameters.

    The twin of `diffsort.nnx.SortPooling`.

    Attributes:
        k: how many points to keep; smaller sets are padded with rows of 0.
        sort_channels: how many channels to compare, from the last one backwards.
        implementation: as in `diffsort.sort`; it must have a permutation.
    """

    k: int
    sort_channels: int = 1
    implementation: ImplementationLike = "manual"

    def __call__(self, x: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, channels).
            where: boolean mask of the points, broadcastable to (..., n).

        Returns:
            Points in order, shape (..., k, channels).

        Raises:
            ValueError: `k` or `sort_channels` is out of range.
        """
        return sort_pool(
            x, self.k, where=where, sort_channels=self.sort_channels, implementation=self.implementation
        )
