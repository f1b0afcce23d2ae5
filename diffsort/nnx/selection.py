"""Layers that keep some points of a set, for flax.nnx."""

from typing import Literal, overload

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_features, require_positive
from diffsort.implementations import ImplementationLike
from diffsort.initializers import uniform_by_length
from diffsort.nnx._parameters import NO_METADATA, Metadata, parameter
from diffsort.pooling import sort_pool, top_k_pool

__all__ = ["SortPooling", "TopKPool"]


class SortPooling(nnx.Module):
    """Keeps the k points that are greatest in the last channel, in order; has no parameters.

    See `diffsort.pooling.sort_pool` for ties, padding and the source (Zhang et al. 2018).

    Args:
        k: how many points to keep; smaller sets are padded with rows of 0.
        sort_channels: how many channels to compare, from the last one backwards.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Raises:
        ValueError: `k` or `sort_channels` is less than 1.

    >>> import diffsort.nnx, jax.numpy as jnp
    >>> diffsort.nnx.SortPooling(30)(jnp.ones((8, 100, 16))).shape
    (8, 30, 16)
    """

    def __init__(
        self, k: int, *, sort_channels: int = 1, implementation: ImplementationLike = "manual"
    ) -> None:
        require_positive(k=k, sort_channels=sort_channels)
        self.k = k
        self.sort_channels = sort_channels
        self.implementation = implementation

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


class TopKPool(nnx.Module):
    """Keeps the k points of greatest learned score, in order, each times the tanh of its score.

    See `diffsort.pooling.top_k_pool` for the formula and the source (Gao and Ji 2019).

    Attributes:
        projection: the vector that scores, shape (num_features,); its length does not count.

    Args:
        num_features: features of a point.
        k: how many points to keep; smaller sets are padded with rows of 0.
        projection_init: initializer of the projection.
        projection_metadata: for its `nnx.Param`, such as how it is sharded.
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`; it must have a permutation.
        rngs: random streams; "params" is used.

    Raises:
        ValueError: `num_features` or `k` is less than 1.

    >>> from flax import nnx
    >>> import diffsort.nnx, jax.numpy as jnp
    >>> pool = diffsort.nnx.TopKPool(16, 30, rngs=nnx.Rngs(0))
    >>> pool(jnp.ones((8, 100, 16))).shape
    (8, 30, 16)
    """

    def __init__(
        self,
        num_features: int,
        k: int,
        *,
        projection_init: Initializer = uniform_by_length,
        projection_metadata: Metadata = NO_METADATA,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        implementation: ImplementationLike = "manual",
        rngs: nnx.Rngs,
    ) -> None:
        require_positive(num_features=num_features, k=k)
        self.projection = parameter(
            "projection", projection_init, (num_features,), param_dtype, projection_metadata, rngs
        )
        self.k = k
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
    ) -> tuple[jax.Array, jax.Array, jax.Array]: ...

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
            x: points, shape (..., n, num_features).
            where: boolean mask of the points, broadcastable to (..., n).
            segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes
                stand in one `x` of two axes; (...) is then (num_segments,).
            num_segments: how many sets there are then; needed inside jit.
            return_indices: return where the points stood and their scores too.

        Returns:
            Points in order, shape (..., k, num_features). With `return_indices`, a triple of them, of int32
            indices, shape (..., k), and of scores, shape (..., k); −1 and 0 where there is no point.
        """
        x = jnp.asarray(x)
        require_features(x, self.projection.shape[0], self)
        x, projection = dtypes.promote_dtype((x, self.projection[...]), dtype=self.dtype)
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
