"""QuantilePool: quantiles of each feature over a set."""

from collections.abc import Iterable

import jax
from flax import nnx
from jax.typing import ArrayLike

from diffsort.implementations import ImplementationLike
from diffsort.pooling import quantile_pool
from diffsort.pooling.quantiles import as_levels


class QuantilePool(nnx.Module):
    """Pools a set to quantiles of each feature; has no parameters.

    See `diffsort.pooling.quantile_pool`.

    Args:
        levels: probabilities in [0, 1]: 0 for the minimum, 1/2 for the median, 1 for the maximum.
        implementation: as in `diffsort.sort`.

    Raises:
        ValueError: `levels` is empty or leaves [0, 1].

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.QuantilePool((0, 0.5, 1))(jnp.ones((8, 100, 16))).shape
    (8, 48)
    """

    def __init__(self, levels: Iterable[float], *, implementation: ImplementationLike = "manual") -> None:
        self.levels = as_levels(levels)
        self.implementation = implementation

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
