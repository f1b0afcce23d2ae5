"""FSUnpool: the inverse of featurewise sort pooling."""

import jax
from flax import linen as nn
from flax.linen import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort.linen._parameters import features_of, parameter
from diffsort.pooling import featurewise_sort_unpool


class FSUnpool(nn.Module):
    """Makes a set of a vector of features: learned weights by rank, put where the ranks once stood.

    The twin of `diffsort.nnx.FSUnpool`; the number of features is that of the first input.

    Attributes:
        pieces: linear pieces of a weight function.
        knots_init: initializer of the parameter `knots`, of shape (features, pieces + 1).
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
    """

    pieces: int = 20
    knots_init: Initializer = nn.initializers.normal(1.0)
    dtype: Dtype | None = None
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: ArrayLike, indices: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Makes sets.

        Args:
            x: features, shape (..., features).
            indices: where the greatest stood, the second, and so on, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n); the one they were pooled with.

        Returns:
            Points, shape (..., n, features); 0 where they are masked.

        Raises:
            ValueError: `pieces` is less than 1, or `x` has other features than before.
        """
        require_positive(pieces=self.pieces)
        x = jnp.asarray(x)
        shape = features_of(x, self, "knots"), self.pieces + 1
        knots = parameter(self, "knots", self.knots_init, shape, self.param_dtype)
        x, knots = dtypes.promote_dtype(x, knots, dtype=self.dtype)
        return featurewise_sort_unpool(x, knots, indices, where=where)
