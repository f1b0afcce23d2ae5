"""FSUnpool: the inverse of featurewise sort pooling."""

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort._layers import require_features
from diffsort.nnx._parameters import NO_METADATA, Metadata, parameter
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
        knots_init: initializer of the knots; a standard normal, as in the paper.
        knots_metadata: for their `nnx.Param`, such as how they are sharded.
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        rngs: random streams; "params" is used.

    Raises:
        TypeError: `rngs`, `knots_init` or `knots_metadata` is something else.
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
        knots_metadata: Metadata = NO_METADATA,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        require_positive(num_features=num_features, pieces=pieces)
        shape = num_features, pieces + 1
        self.knots = parameter("knots", knots_init, shape, param_dtype, knots_metadata, rngs)
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
        x = jnp.asarray(x)
        require_features(x, self.knots.shape[0], self)
        x, knots = dtypes.promote_dtype((x, self.knots[...]), dtype=self.dtype)
        return featurewise_sort_unpool(x, knots, indices, where=where)
