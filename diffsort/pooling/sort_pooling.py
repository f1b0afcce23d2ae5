"""SortPooling: the first k points by their last channel."""

import functools

import jax
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort.implementations import Implementation, ImplementationLike, get_implementation
from diffsort.pooling._sets import as_points, first_points, point_mask
from diffsort.sorting import sort_key_val


def sort_pool(
    x: ArrayLike,
    k: int,
    *,
    where: ArrayLike | None = None,
    sort_channels: int = 1,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Sort pooling (SortPooling of DGCNN): the first k points, by their last channel from the greatest.

    Args:
        x: sets of points, shape (..., n, c), real.
        k: how many points to keep. Where a set has fewer, rows of 0 follow.
        where: boolean mask of the points, broadcastable to (..., n). What masked points hold reaches no
            value and no gradient.
        sort_channels: how many channels to compare: the last one, at ties the one before it, and so on.
            Points that tie in all of them stay in input order. The result is invariant to the order of
            the points if equal points are equal throughout or `sort_channels` is c.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Points in order, shape (..., k, c), in the dtype of `x`.

    Raises:
        TypeError: `x` is not real, or `where` not boolean.
        ValueError: `k` is not positive, `sort_channels` is not between 1 and c, or the shapes do not fit.

    Source: M. Zhang, Z. Cui, M. Neumann, Y. Chen, An End-to-End Deep Learning Architecture for Graph
    Classification, AAAI 2018, section 3.2.

    >>> import jax.numpy as jnp
    >>> x = jnp.array([[10., 1.], [20., 3.], [30., 2.]])
    >>> sort_pool(x, 2)
    Array([[20.,  3.],
           [30.,  2.]], dtype=float32)
    """
    points = as_points(x, floating=False)
    require_positive(k=k)
    channels = points.shape[-1]
    if not 1 <= sort_channels <= channels:
        raise ValueError(f"sort_channels={sort_channels} is not between 1 and {channels}, the channels of x.")
    chosen = get_implementation(implementation)
    return _kept(points, point_mask(where, points), k, sort_channels, chosen)


@functools.partial(jax.jit, static_argnames=("k", "sort_channels", "implementation"))
def _kept(
    points: jax.Array, mask: jax.Array | None, k: int, sort_channels: int, implementation: Implementation
) -> jax.Array:
    channels = points.shape[-1]
    # Sorts are stable, so sorting by the least important channel first breaks ties by it.
    for channel in range(channels - sort_channels, channels):
        key = lax.slice_in_dim(points, channel, channel + 1, axis=-1)
        _, (points, mask) = sort_key_val(
            key, (points, mask), -2, descending=True, where=mask, implementation=implementation
        )
    return first_points(points, k)
