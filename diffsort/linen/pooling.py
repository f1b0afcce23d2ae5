"""Layers that pool the sorted features of a set, for flax.linen."""

from typing import Literal, overload

import jax
from flax import linen as nn
from flax.linen import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import Reduction, require_positive
from diffsort.implementations import ImplementationLike
from diffsort.initializers import evenly_spaced, identity_or_normal
from diffsort.linen._parameters import features_of, parameter
from diffsort.pooling import (
    featurewise_sort_pool,
    featurewise_sort_unpool,
    sliced_wasserstein_pool,
)

__all__ = ["PSWE", "FSPool", "FSUnpool"]


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
        self,
        x: ArrayLike,
        where: ArrayLike | None = None,
        *,
        segment_ids: ArrayLike | None = None,
        num_segments: int | None = None,
        return_indices: Literal[False] = False,
    ) -> jax.Array: ...

    @overload
    def __call__(
        self,
        x: ArrayLike,
        where: ArrayLike | None = None,
        *,
        segment_ids: ArrayLike | None = None,
        num_segments: int | None = None,
        return_indices: Literal[True],
    ) -> tuple[jax.Array, jax.Array]: ...

    @nn.compact
    def __call__(
        self,
        x: ArrayLike,
        where: ArrayLike | None = None,
        *,
        segment_ids: ArrayLike | None = None,
        num_segments: int | None = None,
        return_indices: bool = False,
    ) -> jax.Array | tuple[jax.Array, jax.Array]:
        """Pools sets.

        Args:
            x: points, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n).
            segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes
                stand in one `x` of two axes; (...) is then (num_segments,).
            num_segments: how many sets there are then; needed inside jit.
            return_indices: return the permutation too, for `FSUnpool`.

        Returns:
            Pooled features, shape (..., features); 0 for an empty set. With `return_indices`, a
            pair of them and of indices, shape (..., n, features): where the greatest stood, the
            second, and so on.

        Raises:
            ValueError: `pieces` is less than 1, or `reduction` neither "sum" nor "mean".
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
            segment_ids=segment_ids,
            num_segments=num_segments,
            reduction=self.reduction,
            return_indices=return_indices,
            implementation=self.implementation,
        )


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
            ValueError: `pieces` is less than 1.
        """
        require_positive(pieces=self.pieces)
        x = jnp.asarray(x)
        shape = features_of(x, self, "knots"), self.pieces + 1
        knots = parameter(self, "knots", self.knots_init, shape, self.param_dtype)
        x, knots = dtypes.promote_dtype(x, knots, dtype=self.dtype)
        return featurewise_sort_unpool(x, knots, indices, where=where)


class PSWE(nn.Module):
    """Pools a set by how far it is from a learned reference, along learned directions.

    The twin of `diffsort.nnx.PSWE`; the number of features is that of the first input.

    Attributes:
        num_projections: slices, and features of the result.
        num_points: points of the reference.
        directions_init: initializer of the parameter `directions`, of shape (features, num_projections).
        reference_init: initializer of the parameter `reference`, of shape (num_points, num_projections).
        weights_init: initializer of the parameter `weights`, of shape (num_points, num_projections).
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`; it must have a permutation.
    """

    num_projections: int
    num_points: int
    directions_init: Initializer = identity_or_normal
    reference_init: Initializer = evenly_spaced
    weights_init: Initializer = nn.initializers.glorot_uniform()
    dtype: Dtype | None = None
    param_dtype: Dtype = jnp.float32
    implementation: ImplementationLike = "manual"

    @nn.compact
    def __call__(self, x: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n).

        Returns:
            Pooled features, shape (..., num_projections); 0 for an empty set.

        Raises:
            ValueError: `num_projections` or `num_points` is less than 1.
        """
        require_positive(num_projections=self.num_projections, num_points=self.num_points)
        x = jnp.asarray(x)
        directions = features_of(x, self, "directions"), self.num_projections
        points = self.num_points, self.num_projections
        parameters = (
            parameter(self, "directions", self.directions_init, directions, self.param_dtype),
            parameter(self, "reference", self.reference_init, points, self.param_dtype),
            parameter(self, "weights", self.weights_init, points, self.param_dtype),
        )
        arguments = dtypes.promote_dtype(x, *parameters, dtype=self.dtype)
        return sliced_wasserstein_pool(*arguments, where=where, implementation=self.implementation)
