"""TrimmedMeanPool: the trimmed mean of each feature over a set."""

import jax
from flax import linen as nn
from jax.typing import ArrayLike

from diffsort.implementations import ImplementationLike
from diffsort.pooling import trimmed_mean_pool


class TrimmedMeanPool(nn.Module):
    """Pools a set to the mean of each feature without its extremes; has no parameters.

    The twin of `diffsort.nnx.TrimmedMeanPool`.

    Attributes:
        proportion: of the points to cut at each end, a feature at a time; 0 ≤ proportion < 1/2.
        implementation: as in `diffsort.sort`.
    """

    proportion: float
    implementation: ImplementationLike = "manual"

    def __call__(self, x: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n).

        Returns:
            Shape (..., features); 0 for an empty set.

        Raises:
            ValueError: `proportion` is out of range.
        """
        return trimmed_mean_pool(x, self.proportion, where=where, implementation=self.implementation)
