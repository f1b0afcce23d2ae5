"""PSWE: pooling by sliced-Wasserstein embedding."""

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort._layers import require_features
from diffsort.implementations import ImplementationLike
from diffsort.initializers import evenly_spaced, identity_or_normal
from diffsort.nnx._parameters import NO_METADATA, Metadata, parameter
from diffsort.pooling import sliced_wasserstein_pool

_glorot_uniform = nnx.initializers.glorot_uniform()


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
        TypeError: `rngs`, an initializer or metadata are something else.
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
