"""FSUnpool: the inverse of featurewise sort pooling."""

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort.pooling import featurewise_sort_unpool

_standard_normal = nnx.initializers.normal(1.0)


class FSUnpool(nnx.Module):
    """Makes a set of a vector of features: learned weights by rank, put where the ranks once stood.

    The decoder to `FSPool`, whose indices it takes. See `diffsort.pooling.featurewise_sort_unpool` for the
    formula and the source (Zhang et al. 2020).

    Attributes:
        knots: the weight functions at equally spaced ranks, shape (num_features, pieces + 1).

    Args:
        num_features: features of a point.
        pieces: linear pieces of a weight function.
        knots_init: initializer of the knots. The paper's is the default, a standard normal.
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        rngs: random streams; "params" is used.

    Raises:
        ValueError: `num_features` or `pieces` is less than 1.

    >>> from flax import nnx
    >>> import diffsort.nnx, jax.numpy as jnp
    >>> pool, unpool = (layer(16, rngs=nnx.Rngs(0)) for layer in (diffsort.nnx.FSPool, diffsort.nnx.FSUnpool))
    >>> y, indices = pool(jnp.ones((8, 100, 16)), return_indices=True)
    >>> unpool(y, indices).shape
    (8, 100, 16)
    """

    def __init__(
        self,
        num_features: int,
        *,
        pieces: int = 20,
        knots_init: Initializer = _standard_normal,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        require_positive(num_features=num_features, pieces=pieces)
        self.knots = nnx.Param(knots_init(rngs.params(), (num_features, pieces + 1), param_dtype))
        self.dtype = dtype

    def __call__(self, x: ArrayLike, indices: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Makes sets.

        Args:
            x: features, shape (..., num_features).
            indices: where the greatest stood, the second, and so on, shape (..., n, num_features).
            where: boolean mask of the points, broadcastable to (..., n); the one they were pooled with.

        Returns:
            Points, shape (..., n, num_features); 0 where they are masked.
        """
        x, knots = dtypes.promote_dtype((jnp.asarray(x), self.knots[...]), dtype=self.dtype)
        return featurewise_sort_unpool(x, knots, indices, where=where)
