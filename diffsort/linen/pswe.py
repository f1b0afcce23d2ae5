"""PSWE: pooling by sliced-Wasserstein embedding."""

import jax
from flax import linen as nn
from flax.linen import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort.implementations import ImplementationLike
from diffsort.initializers import evenly_spaced, identity_or_normal
from diffsort.linen._parameters import features_of, parameter
from diffsort.pooling import sliced_wasserstein_pool


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
            ValueError: `num_projections` or `num_points` is less than 1, or `x` has other features than
                before.
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
