"""TrimmedMeanPool: the trimmed mean of each feature over a set."""

import jax
from flax import nnx
from jax.typing import ArrayLike

from diffsort._arguments import fraction
from diffsort.implementations import ImplementationLike
from diffsort.pooling import trimmed_mean_pool


class TrimmedMeanPool(nnx.Module):
    """Pools a set to the mean of each feature without its extremes; has no parameters.

    See `diffsort.pooling.trimmed_mean_pool`.

    Args:
        proportion: of the points to cut at each end, a feature at a time; 0 ≤ proportion < 1/2.
        implementation: as in `diffsort.sort`.

    Raises:
        ValueError: `proportion` is out of range.

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.TrimmedMeanPool(0.4)(jnp.array([[1., 5.], [9., -7.], [2., 6.]]))
    Array([2., 5.], dtype=float32)
    """

    def __init__(self, proportion: float, *, implementation: ImplementationLike = "manual") -> None:
        self.proportion = fraction(proportion, "proportion", 0, 0.5)
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
