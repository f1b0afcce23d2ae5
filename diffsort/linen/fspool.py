"""FSPool: featurewise sort pooling."""

from typing import Literal, overload

import jax
from flax import linen as nn
from flax.linen import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort._layers import Reduction
from diffsort.implementations import ImplementationLike
from diffsort.linen._parameters import features_of, parameter
from diffsort.pooling import featurewise_sort_pool


class FSPool(nn.Module):
    """Pools a set by sorting each feature and summing it with learned weights.

    The twin of `diffsort.nnx.FSPool`; the number of features is that of the first input.

    Attributes:
        pieces: linear pieces of a weight function.
        knots_init: initializer of the parameter `knots`, of shape (features, pieces + 1).
        reduction: "mean" or "sum", the paper's.
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`.

    >>> import diffsort.linen, jax, jax.numpy as jnp
    >>> pool = diffsort.linen.FSPool()
    >>> y, variables = pool.init_with_output(jax.random.key(0), jnp.ones((8, 100, 16)))
    >>> y.shape, variables["params"]["knots"].shape
    ((8, 16), (16, 21))
    """

    pieces: int = 20
    knots_init: Initializer = nn.initializers.normal(1.0)
    reduction: Reduction = "mean"
    dtype: Dtype | None = None
    param_dtype: Dtype = jnp.float32
    implementation: ImplementationLike = "manual"

    @overload
    def __call__(
        self, x: ArrayLike, where: ArrayLike | None = None, *, return_indices: Literal[False] = False
    ) -> jax.Array: ...

    @overload
    def __call__(
        self, x: ArrayLike, where: ArrayLike | None = None, *, return_indices: Literal[True]
    ) -> tuple[jax.Array, jax.Array]: ...

    @nn.compact
    def __call__(
        self, x: ArrayLike, where: ArrayLike | None = None, *, return_indices: bool = False
    ) -> jax.Array | tuple[jax.Array, jax.Array]:
        """Pools sets.

        Args:
            x: points, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n).
            return_indices: return the permutation too, for `FSUnpool`.

        Returns:
            Pooled features, shape (..., features); 0 for an empty set. With `return_indices`, a
            pair of them and of indices, shape (..., n, features): where the greatest stood, the
            second, and so on.

        Raises:
            ValueError: `pieces` is less than 1, `reduction` neither, or `x` has other features than before.
        """
        require_positive(pieces=self.pieces)
        x = jnp.asarray(x)
        shape = features_of(x, self, "knots"), self.pieces + 1
        knots = parameter(self, "knots", self.knots_init, shape, self.param_dtype)
        x, knots = dtypes.promote_dtype(x, knots, dtype=self.dtype)
        return featurewise_sort_pool(
            x,
            knots,
            where=where,
            reduction=self.reduction,
            return_indices=return_indices,
            implementation=self.implementation,
        )
