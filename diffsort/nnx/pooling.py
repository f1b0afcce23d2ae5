"""Layers that pool the sorted features of a set, for flax.nnx."""

from typing import Literal, overload

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import (
    Reduction,
    known_reduction,
    require_features,
    require_positive,
)
from diffsort.implementations import ImplementationLike
from diffsort.initializers import evenly_spaced, identity_or_normal
from diffsort.nnx._parameters import NO_METADATA, Metadata, parameter
from diffsort.pooling import (
    featurewise_sort_pool,
    featurewise_sort_unpool,
    sliced_wasserstein_pool,
)

__all__ = ["PSWE", "FSPool", "FSUnpool"]


_standard_normal = nnx.initializers.normal(1.0)
_glorot_uniform = nnx.initializers.glorot_uniform()


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
        ValueError: `num_features` or `pieces` is less than 1, or `reduction` neither "sum" nor "mean".

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
            x: points, shape (..., n, num_features).
            where: boolean mask of the points, broadcastable to (..., n).
            segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes
                stand in one `x` of two axes; (...) is then (num_segments,).
            num_segments: how many sets there are then; needed inside jit.
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
            segment_ids=segment_ids,
            num_segments=num_segments,
            reduction=self.reduction,
            return_indices=return_indices,
            implementation=self.implementation,
        )


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


class PSWE(nnx.Module):
    """Pools a set by how far it is from a learned reference, along learned directions.

    See `diffsort.pooling.sliced_wasserstein_pool` for the formula and the source (Naderializadeh et al.
    2021); the parameters begin as in the authors' code.

    Attributes:
        directions: one for each slice, shape (num_features, num_projections); their length does not count.
        reference: its points in each slice, shape (num_points, num_projections).
        weights: of the moves of these points, shape (num_points, num_projections).

    Args:
        num_features: features of a point.
        num_projections: slices, and features of the result.
        num_points: points of the reference.
        directions_init: initializer of the directions: along the axes of the features, or normally
            distributed where there are more projections than features.
        directions_metadata: for their `nnx.Param`, such as how they are sharded.
        reference_init: initializer of the reference: from −1 to 1 in even steps.
        reference_metadata: for its `nnx.Param`.
        weights_init: initializer of the weights.
        weights_metadata: for their `nnx.Param`.
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`; it must have a permutation.
        rngs: random streams; "params" is used.

    Raises:
        ValueError: `num_features`, `num_projections` or `num_points` is less than 1.

    >>> from flax import nnx
    >>> import diffsort.nnx, jax.numpy as jnp
    >>> pool = diffsort.nnx.PSWE(16, 64, 32, rngs=nnx.Rngs(0))
    >>> pool(jnp.ones((8, 100, 16))).shape
    (8, 64)
    """

    def __init__(
        self,
        num_features: int,
        num_projections: int,
        num_points: int,
        *,
        directions_init: Initializer = identity_or_normal,
        directions_metadata: Metadata = NO_METADATA,
        reference_init: Initializer = evenly_spaced,
        reference_metadata: Metadata = NO_METADATA,
        weights_init: Initializer = _glorot_uniform,
        weights_metadata: Metadata = NO_METADATA,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        implementation: ImplementationLike = "manual",
        rngs: nnx.Rngs,
    ) -> None:
        require_positive(num_features=num_features, num_projections=num_projections, num_points=num_points)
        shape, points = (num_features, num_projections), (num_points, num_projections)
        self.directions = parameter(
            "directions", directions_init, shape, param_dtype, directions_metadata, rngs
        )
        self.reference = parameter("reference", reference_init, points, param_dtype, reference_metadata, rngs)
        self.weights = parameter("weights", weights_init, points, param_dtype, weights_metadata, rngs)
        self.dtype = dtype
        self.implementation = implementation

    def __call__(self, x: ArrayLike, where: ArrayLike | None = None) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, num_features).
            where: boolean mask of the points, broadcastable to (..., n).

        Returns:
            Pooled features, shape (..., num_projections); 0 for an empty set.
        """
        x = jnp.asarray(x)
        require_features(x, self.directions.shape[0], self)
        parameters = self.directions[...], self.reference[...], self.weights[...]
        arguments = dtypes.promote_dtype((x, *parameters), dtype=self.dtype)
        return sliced_wasserstein_pool(*arguments, where=where, implementation=self.implementation)
