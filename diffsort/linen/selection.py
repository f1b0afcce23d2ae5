"""Layers that keep some points of a set, for flax.linen."""

from typing import Literal, overload

import jax
from flax import linen as nn
from flax.linen import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort.implementations import ImplementationLike
from diffsort.initializers import uniform_by_length
from diffsort.linen._parameters import features_of, parameter
from diffsort.pooling import sort_pool, top_k_pool

__all__ = ["SortPooling", "TopKPool"]


class SortPooling(nn.Module):
    """Keeps the k points that are greatest in the last channel, in order; has no parameters.

    The twin of `diffsort.nnx.SortPooling`.

    Attributes:
        k: how many points to keep; smaller sets are padded with rows of 0.
        sort_channels: how many channels to compare, from the last one backwards.
        implementation: as in `diffsort.sort`; it must have a permutation.
    """

    k: int
    sort_channels: int = 1
    implementation: ImplementationLike = "manual"

    def __call__(
        self,
        x: ArrayLike,
        where: ArrayLike | None = None,
        *,
        segment_ids: ArrayLike | None = None,
        num_segments: int | None = None,
    ) -> jax.Array:
        """Pools sets.

        Args:
            x: points, shape (..., n, channels).
            where: boolean mask of the points, broadcastable to (..., n).
            segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes
                stand in one `x` of two axes; (...) is then (num_segments,).
            num_segments: how many sets there are then; needed inside jit.

        Returns:
            Points in order, shape (..., k, channels).

        Raises:
            ValueError: `k` is less than 1, or `sort_channels` not between 1 and the number of channels.
        """
        return sort_pool(
            x,
            self.k,
            where=where,
            segment_ids=segment_ids,
            num_segments=num_segments,
            sort_channels=self.sort_channels,
            implementation=self.implementation,
        )


class TopKPool(nn.Module):
    """Keeps the k points of greatest learned score, in order, each times the tanh of its score.

    The twin of `diffsort.nnx.TopKPool`; the number of features is that of the first input.

    Attributes:
        k: how many points to keep; smaller sets are padded with rows of 0.
        projection_init: initializer of the parameter `projection`, of shape (features,).
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`; it must have a permutation.
    """

    k: int
    projection_init: Initializer = uniform_by_length
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
    ) -> tuple[jax.Array, jax.Array, jax.Array]: ...

    @nn.compact
    def __call__(
        self,
        x: ArrayLike,
        where: ArrayLike | None = None,
        *,
        segment_ids: ArrayLike | None = None,
        num_segments: int | None = None,
        return_indices: bool = False,
    ) -> jax.Array | tuple[jax.Array, jax.Array, jax.Array]:
        """Pools sets.

        Args:
            x: points, shape (..., n, features).
            where: boolean mask of the points, broadcastable to (..., n).
            segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes
                stand in one `x` of two axes; (...) is then (num_segments,).
            num_segments: how many sets there are then; needed inside jit.
            return_indices: return where the points stood and their scores too.

        Returns:
            Points in order, shape (..., k, features). With `return_indices`, a triple of them, of int32
            indices, shape (..., k), and of scores, shape (..., k); −1 and 0 where there is no point.

        Raises:
            ValueError: `k` is less than 1.
        """
        x = jnp.asarray(x)
        shape = (features_of(x, self, "projection"),)
        projection = parameter(self, "projection", self.projection_init, shape, self.param_dtype)
        x, projection = dtypes.promote_dtype(x, projection, dtype=self.dtype)
        return top_k_pool(
            x,
            projection,
            self.k,
            where=where,
            segment_ids=segment_ids,
            num_segments=num_segments,
            return_indices=return_indices,
            implementation=self.implementation,
        )
