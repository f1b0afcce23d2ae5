"""Layers that pool a set to statistics of each feature, for flax.nnx."""

from collections.abc import Iterable

import jax
from flax import nnx
from jax.typing import ArrayLike

from diffsort._arguments import as_levels, number_in
from diffsort.implementations import ImplementationLike
from diffsort.pooling import quantile_pool, trimmed_mean_pool

__all__ = ["QuantilePool", "TrimmedMeanPool"]


class QuantilePool(nnx.Module):
    """Pools a set to quantiles of each feature; has no parameters.

    See `diffsort.pooling.quantile_pool`.

    Args:
        levels: probabilities in [0, 1]: 0 for the minimum, 1/2 for the median, 1 for the maximum.
        implementation: as in `diffsort.sort`.

    Raises:
        TypeError: `levels` is not a sequence of Python numbers.
        ValueError: `levels` is empty, or one of them is outside [0, 1].

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.QuantilePool((0, 0.5, 1))(jnp.ones((8, 100, 16))).shape
    (8, 48)
    """

    def __init__(self, levels: Iterable[float], *, implementation: ImplementationLike = "manual") -> None:
        self.levels = as_levels(levels)
        self.implementation = implementation

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


class TrimmedMeanPool(nnx.Module):
    """Pools a set to the mean of each feature without its extremes; has no parameters.

    See `diffsort.pooling.trimmed_mean_pool`.

    Args:
        proportion: of the points to cut at each end, a feature at a time; 0 ≤ proportion < 1/2.
        implementation: as in `diffsort.sort`.

    Raises:
        ValueError: `proportion` is outside [0, 1/2).

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.TrimmedMeanPool(0.4)(jnp.array([[1., 5.], [9., -7.], [2., 6.]]))
    Array([2., 5.], dtype=float32)
    """

    def __init__(self, proportion: float, *, implementation: ImplementationLike = "manual") -> None:
        self.proportion = number_in(proportion, "proportion", 0, 0.5)
        self.implementation = implementation

    def __call__(self, x: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n).

        Returns:
            Shape (..., features); 0 for an empty set.
        """
        return trimmed_mean_pool(x, self.proportion, where=where, implementation=self.implementation)
