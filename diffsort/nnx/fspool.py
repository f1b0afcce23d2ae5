"""FSPool: featurewise sort pooling."""

from typing import Literal, overload

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort._layers import Reduction, known_reduction, require_features
from diffsort.implementations import ImplementationLike
from diffsort.nnx._parameters import NO_METADATA, Metadata, parameter
from diffsort.pooling import featurewise_sort_pool

_standard_normal = nnx.initializers.normal(1.0)


class FSPool(nnx.Module):
    """Pools a set by sorting each feature and summing it with learned weights.

    The weights are piecewise linear in the relative rank, so one layer pools sets of every size. See
    `diffsort.pooling.featurewise_sort_pool` for the formula and the source (Zhang et al. 2020).

    Attributes:
        knots: the weight functions at equally spaced ranks, shape (num_features, pieces + 1).

    Args:
        num_features: features of a point.
        pieces: linear pieces of a weight function.
        knots_init: initializer of the knots; a standard normal, as in the paper.
        knots_metadata: for their `nnx.Param`, such as how they are sharded.
        reduction: "mean" divides the sum by the size of the set, so that what follows starts from features
            of one scale at every size; "sum" is the paper's formula.
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`.
        rngs: random streams; "params" is used.

    Raises:
        TypeError: `rngs`, `knots_init` or `knots_metadata` is something else.
        ValueError: `num_features` or `pieces` is less than 1, or `reduction` is neither.

    >>> from flax import nnx
    >>> import diffsort.nnx, jax.numpy as jnp
    >>> pool = diffsort.nnx.FSPool(16, rngs=nnx.Rngs(0))
    >>> pool(jnp.ones((8, 100, 16))).shape
    (8, 16)
    """

    def __init__(
        self,
        num_features: int,
        *,
        pieces: int = 20,
        knots_init: Initializer = _standard_normal,
        knots_metadata: Metadata = NO_METADATA,
        reduction: Reduction = "mean",
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        implementation: ImplementationLike = "manual",
        rngs: nnx.Rngs,
    ) -> None:
        require_positive(num_features=num_features, pieces=pieces)
        shape = num_features, pieces + 1
        self.knots = parameter("knots", knots_init, shape, param_dtype, knots_metadata, rngs)
        self.reduction = known_reduction(reduction)
        self.dtype = dtype
        self.implementation = implementation

    @overload
    def __call__(
        self, x: ArrayLike, where: ArrayLike | None = None, *, return_indices: Literal[False] = False
    ) -> jax.Array: ...

    @overload
    def __call__(
        self, x: ArrayLike, where: ArrayLike | None = None, *, return_indices: Literal[True]
    ) -> tuple[jax.Array, jax.Array]: ...

    def __call__(
        self, x: ArrayLike, where: ArrayLike | None = None, *, return_indices: bool = False
    ) -> jax.Array | tuple[jax.Array, jax.Array]:
        """Pools sets.

        Args:
            x: points, shape (..., n, num_features).
            where: boolean mask of the points, broadcastable to (..., n).
            return_indices: return the permutation too, for `FSUnpool`.

        Returns:
            Pooled features, shape (..., num_features); 0 for an empty set. With `return_indices`, a
            pair of them and of indices, shape (..., n, num_features): where the greatest stood, the
            second, and so on.
        """
        x = jnp.asarray(x)
        require_features(x, self.knots.shape[0], self)
        x, knots = dtypes.promote_dtype((x, self.knots[...]), dtype=self.dtype)
        return featurewise_sort_pool(
            x,
            knots,
            where=where,
            reduction=self.reduction,
            return_indices=return_indices,
            implementation=self.implementation,
        )
