"""TopKPool: the k points furthest along a learned direction."""

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort.initializers import uniform_by_length
from diffsort.pooling import top_k_pool


class TopKPool(nnx.Module):
    """Keeps the k points of greatest learned score, in order, each times the tanh of its score.

    See `diffsort.pooling.top_k_pool` for the formula and the source (Gao and Ji 2019).

    Attributes:
        projection: the vector that scores, shape (num_features,); its length does not count.

    Args:
        num_features: features of a point.
        k: how many points to keep; smaller sets are padded with rows of 0.
        projection_init: initializer of the projection.
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`; it must have a permutation.
        rngs: random streams; "params" is used.

    Raises:
        ValueError: `num_features` or `k` is less than 1.

    >>> from flax import nnx
    >>> import diffsort.nnx, jax.numpy as jnp
    >>> pool = diffsort.nnx.TopKPool(16, 30, rngs=nnx.Rngs(0))
    >>> pool(jnp.ones((8, 100, 16))).shape
    (8, 30, 16)
    """

    def __init__(
        self,
        num_features: int,
        k: int,
        *,
        projection_init: Initializer = uniform_by_length,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        implementation: str = "manual",
        rngs: nnx.Rngs,
    ) -> None:
        require_positive(num_features=num_features, k=k)
        self.projection = nnx.Param(projection_init(rngs.params(), (num_features,), param_dtype))
        self.k = k
        self.dtype = dtype
        self.implementation = implementation

    def __call__(self, x: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, num_features).
            where: boolean mask of the points, broadcastable to (..., n).

        Returns:
            Points in order, shape (..., k, num_features).
        """
        x, projection = dtypes.promote_dtype((jnp.asarray(x), self.projection[...]), dtype=self.dtype)
        return top_k_pool(x, projection, self.k, where=where, implementation=self.implementation)
