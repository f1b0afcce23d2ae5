"""Layers that pool a set to statistics of each feature, for flax.linen."""

from collections.abc import Iterable

import jax
from flax import linen as nn
from jax.typing import ArrayLike

from diffsort._arguments import as_levels
from diffsort.implementations import ImplementationLike
from diffsort.pooling import quantile_pool, trimmed_mean_pool

__all__ = ["QuantilePool", "TrimmedMeanPool"]


class QuantilePool(nn.Module):
    """Pools a set to quantiles of each feature; has no parameters.

    The twin of `diffsort.nnx.QuantilePool`.

    Attributes:
        levels: probabilities in [0, 1]: 0 for the minimum, 1/2 for the median, 1 for the maximum.
        implementation: as in `diffsort.sort`.

    Raises:
        TypeError: `levels` is not a sequence of Python numbers.
        ValueError: `levels` is empty, or one of them is outside [0, 1].
    """

    levels: Iterable[float]
    implementation: ImplementationLike = "manual"

    def __post_init__(self) -> None:
        """Makes a tuple of the levels: modules are hashed, and lists and arrays are not."""
        self.levels = as_levels(self.levels)
        super().__post_init__()

    def __call__(
        self,
        x: ArrayLike,
        where: ArrayLike | None = None,
        *,
        segment_ids: ArrayLike | None = None,
        num_segments: int | None = None,
    ) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n).
            segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes
                stand in one `x` of two axes; (...) is then (num_segments,).
            num_segments: how many sets there are then; needed inside jit.

        Returns:
            Shape (..., features * len(levels)), the quantiles of the first feature first; 0 for an empty
            set.
        """
        return quantile_pool(
            x,
            self.levels,
            where=where,
            segment_ids=segment_ids,
            num_segments=num_segments,
            implementation=self.implementation,
        )


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
            ValueError: `proportion` is outside [0, 1/2).
        """
        return trimmed_mean_pool(x, self.proportion, where=where, implementation=self.implementation)
