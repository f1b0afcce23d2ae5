"""QuantilePool: quantiles of each feature over a set."""

from collections.abc import Iterable

import jax
from flax import linen as nn
from jax.typing import ArrayLike

from diffsort.implementations import ImplementationLike
from diffsort.pooling import quantile_pool
from diffsort.pooling.quantiles import as_levels


class QuantilePool(nn.Module):
    """Pools a set to quantiles of each feature; has no parameters.

    The twin of `diffsort.nnx.QuantilePool`.

    Attributes:
        levels: probabilities in [0, 1]: 0 for the minimum, 1/2 for the median, 1 for the maximum.
        implementation: as in `diffsort.sort`.

    Raises:
        TypeError: `levels` is no sequence of Python numbers.
        ValueError: `levels` is empty or leaves [0, 1].
    """

    levels: Iterable[float]
    implementation: ImplementationLike = "manual"

    def __post_init__(self) -> None:
        """Makes a tuple of the levels: modules are hashed, and lists and arrays are not."""
        self.levels = as_levels(self.levels)
        super().__post_init__()

    def __call__(self, x: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n).

        Returns:
            Shape (..., features * len(levels)), the quantiles of the first feature first; 0 for an empty
            set.
        """
        return quantile_pool(x, self.levels, where=where, implementation=self.implementation)
