"""Some of the points of a set, in the order of a score."""

import functools
from typing import Any, Literal, overload

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import broadcast_like, flag, floating, require_positive
from diffsort._groups import Groups, first_of, in_segments
from diffsort._several_keys import find_order
from diffsort._sorting import positions
from diffsort.implementations import Chosen, ImplementationLike, get_implementation
from diffsort.pooling._sets import as_points, count_of, first_points, point_mask, ragged, unit, visible
from diffsort.sorting import sort_key_val

__all__ = ["sort_pool", "top_k_pool"]


def sort_pool(
    x: ArrayLike,
    k: int,
    *,
    where: ArrayLike | None = None,
    segment_ids: ArrayLike | None = None,
    num_segments: int | None = None,
    sort_channels: int = 1,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Sort pooling (SortPooling of DGCNN): the first k points, by their last channel from the greatest.

    Args:
        x: sets of points, shape (..., n, c), real.
        k: how many points to keep. Where a set has fewer, rows of 0 follow.
        where: boolean mask of the points, broadcastable to (..., n). What masked points hold reaches no
            value and no gradient.
        segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes stand
            in one `x` of shape (n, c), without padding, as for `jax.ops.segment_sum`; (...) is then
            (num_segments,). A point whose id is outside [0, num_segments) counts as masked.
        num_segments: how many sets there are then; needed inside jit.
        sort_channels: how many channels to compare: the last one, at ties the one before it, and so on.
            Points that tie in all of them stay in input order. The result is invariant to the order of
            the points if equal points are equal throughout or `sort_channels` is c.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Points in order, shape (..., k, c), in the dtype of `x`.

    Raises:
        ValueError: `k` is less than 1, `sort_channels` not between 1 and c, or `implementation` has no
            permutation.

    Source: M. Zhang, Z. Cui, M. Neumann, Y. Chen, An End-to-End Deep Learning Architecture for Graph
    Classification, AAAI 2018, section 3.2.

    >>> import jax.numpy as jnp
    >>> x = jnp.array([[10., 1.], [20., 3.], [30., 2.]])
    >>> sort_pool(x, 2)
    Array([[20.,  3.],
           [30.,  2.]], dtype=float32)
    """
    points = as_points(x, may_be_integers=True)
    require_positive(k=k)
    channels = points.shape[-1]
    if not 1 <= sort_channels <= channels:
        raise ValueError(f"sort_channels={sort_channels} is not between 1 and {channels}, the channels of x.")
    chosen = get_implementation(implementation)
    sets = ragged(points, where, segment_ids, num_segments)
    if sets is not None:
        points, groups = sets
        last = tuple(points[:, -c, None] for c in range(1, sort_channels + 1))
        return _first_of_segments(points, last, groups, k, chosen)[0]
    return _first_by_channels(points, point_mask(where, points), k, sort_channels, chosen)


@functools.partial(jax.jit, static_argnames=("k", "sort_channels"))
def _first_by_channels(
    points: jax.Array, mask: jax.Array | None, k: int, sort_channels: int, implementation: Chosen
) -> jax.Array:
    channels = points.shape[-1]
    # Sorts are stable, so sorting by the least important channel first breaks ties by it.
    for channel in range(channels - sort_channels, channels):
        key = lax.slice_in_dim(points, channel, channel + 1, axis=-1)
        _, (points, mask) = sort_key_val(
            key, (points, mask), -2, descending=True, where=mask, implementation=implementation
        )
    return first_points(points, k)


@functools.partial(jax.jit, static_argnames="k")
def _first_of_segments(
    x: jax.Array, scores: tuple[jax.Array, ...], groups: Groups, k: int, chosen: Chosen
) -> tuple[jax.Array, jax.Array]:
    """Returns the k points of each set with the greatest scores, (m, k, c), and where they stood, (m, k).

    Args:
        x: shape (n, c).
        scores: of the points, each of shape (n, 1), the most important first.
        groups: of the points.
        k: how many to keep.
        chosen: an implementation that has a permutation.
    """
    keys = groups.ids[:, None], *scores
    down = False, *[True] * len(scores)
    order = find_order(chosen, keys, 0, None, down, groups.number + 1)
    index, is_there = first_of(groups, k, 2)
    _, indices = in_segments(scores[0][:, 0], order[:, 0], groups, index)
    rows = jnp.take(x, indices, 0, mode="clip")
    return jnp.where(is_there[..., None], rows, jnp.zeros_like(rows)), jnp.where(is_there, indices, -1)


@overload
def top_k_pool(
    x: ArrayLike,
    projection: ArrayLike,
    k: int,
    *,
    where: ArrayLike | None = None,
    segment_ids: ArrayLike | None = None,
    num_segments: int | None = None,
    return_indices: Literal[False] = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array: ...


@overload
def top_k_pool(
    x: ArrayLike,
    projection: ArrayLike,
    k: int,
    *,
    where: ArrayLike | None = None,
    segment_ids: ArrayLike | None = None,
    num_segments: int | None = None,
    return_indices: bool,
    implementation: ImplementationLike = "manual",
) -> jax.Array | tuple[jax.Array, jax.Array, jax.Array]: ...


def top_k_pool(
    x: ArrayLike,
    projection: ArrayLike,
    k: int,
    *,
    where: ArrayLike | None = None,
    segment_ids: ArrayLike | None = None,
    num_segments: int | None = None,
    return_indices: bool = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array | tuple[jax.Array, jax.Array, jax.Array]:
    r"""Top-k pooling: keeps the k points of greatest score, each times the tanh of its score.

    With scores $s_i = x_i^\top p / \lVert p \rVert_2$ for a projection vector p, the j-th row of the result
    is $\tanh(s_{(j)})\, x_{(j)}$, the greatest score first. The tanh is what lets p learn.

    Args:
        x: sets of points, shape (..., n, c), floating.
        projection: p, shape (c,), floating; its length does not count. Where it is 0, so is the result.
        k: how many points to keep. Where a set has fewer, rows of 0 follow.
        where: boolean mask of the points, broadcastable to (..., n). What masked points hold reaches no
            value and no gradient.
        segment_ids: of which set each point is, integers of shape (n,), where sets of different sizes stand
            in one `x` of shape (n, c), without padding, as for `jax.ops.segment_sum`; (...) is then
            (num_segments,). A point whose id is outside [0, num_segments) counts as masked.
        num_segments: how many sets there are then; needed inside jit.
        return_indices: return where the points stood and their scores too; found in the same pass.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Points in order, shape (..., k, c). Points of equal score stay in input order; apart from
        them, the result is invariant to the order of the points. With `return_indices`, a triple of them, of
        int32 indices of shape (..., k), and of the scores $s_{(j)}$ of shape (..., k), differentiable; where
        a set has fewer than k points, the index is −1 and the score 0.

    Raises:
        TypeError: `projection` is not floating, `return_indices` not a boolean, or `k` not an integer.
        ValueError: `k` is less than 1, `projection` not of shape (c,), or `implementation` has no
            permutation.

    Source: H. Gao, S. Ji, Graph U-Nets, ICML 2019, section 3.1; with tanh as the gate, as C. Cangea et al.,
    Towards sparse hierarchical graph classifiers, 2018.

    >>> import jax.numpy as jnp
    >>> x = jnp.array([[0., 1.], [0., 3.], [50., 20.]])
    >>> top_k_pool(x, jnp.array([7., 0.]), 2)
    Array([[50., 20.],
           [ 0.,  0.]], dtype=float32)
    >>> _, indices, scores = top_k_pool(x, jnp.array([7., 0.]), 4, return_indices=True)
    >>> indices, scores
    (Array([ 2,  0,  1, -1], dtype=int32), Array([50.,  0.,  0.,  0.], dtype=float32))
    """
    points, projection = as_points(x), floating(projection, "projection")
    require_positive(k=k)
    if projection.shape != points.shape[-1:]:
        raise ValueError(
            f"projection has shape {projection.shape}; expected {points.shape[-1:]}, the channels of x."
        )
    chosen = get_implementation(implementation)
    return_indices = flag(return_indices, "return_indices")
    sets = ragged(points, where, segment_ids, num_segments)
    if sets is not None:
        kept = _top_k_of_segments(*sets, projection, k, chosen)
        return kept if return_indices else kept[0]
    kept = _top_k(points, projection, point_mask(where, points), k, return_indices, chosen)
    return kept if return_indices else kept[0]


@functools.partial(jax.jit, static_argnames=("k", "return_indices"))
def _top_k(
    x: jax.Array,
    projection: jax.Array,
    mask: jax.Array | None,
    k: int,
    return_indices: bool,
    implementation: Chosen,
) -> tuple[jax.Array, ...]:
    x = visible(x, mask)
    scores = _scores(x, projection)
    keywords: Any = {"descending": True, "where": mask, "implementation": implementation}
    rows = x * jnp.tanh(scores)
    if not return_indices:
        return (first_points(sort_key_val(scores, rows, -2, **keywords)[1], k),)
    position = positions(x.shape[-2], 2, 0)
    scores, (rows, indices) = sort_key_val(
        scores, (rows, broadcast_like(position, scores, "x")), -2, **keywords
    )
    rows, indices, scores = (first_points(kept, k) for kept in (rows, indices, scores))
    # Scores of points that are missing are 0 already.
    place = positions(k, x.ndim - 1, -1)
    count = jnp.broadcast_to(count_of(x, mask), x.shape[:-2])[..., None]
    return rows, jnp.where(place < count, indices[..., 0], -1), scores[..., 0]


@functools.partial(jax.jit, static_argnames="k")
def _top_k_of_segments(
    x: jax.Array, groups: Groups, projection: jax.Array, k: int, implementation: Chosen
) -> tuple[jax.Array, jax.Array, jax.Array]:
    scores = _scores(x, projection)
    told = jnp.concatenate([x * jnp.tanh(scores), scores], -1)
    kept, indices = _first_of_segments(told, (scores,), groups, k, implementation)
    return kept[..., :-1], indices, kept[..., -1]


def _scores(x: jax.Array, projection: jax.Array) -> jax.Array:
    """Returns a score for each point, in full precision, which a product with one vector has to spare.

    For the scores decide what is kept.
    """
    return jnp.matmul(x, unit(projection)[:, None], precision=lax.Precision.HIGHEST)
