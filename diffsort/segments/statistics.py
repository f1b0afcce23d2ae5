"""Order statistics of segments."""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import as_array, as_floating, fits, floating
from diffsort._groups import Groups, prepare, rank_segments, sort_groups, weigh_places
from diffsort._precision import Factor
from diffsort._quantiles import as_probabilities, checked_method, median_of, quantiles_of
from diffsort._sharding import unshard
from diffsort.implementations import Chosen, ImplementationLike

__all__ = ["segment_l_statistic", "segment_median", "segment_quantile"]


def segment_quantile(
    x: ArrayLike,
    q: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    *,
    method: str = "linear",
    indices_are_sorted: bool = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns quantiles of each segment, as `diffsort.quantile` of its elements.

    Args:
        x: shape (n, …), real; integers are taken as floats, as by jax.numpy.mean.
        q: probabilities in [0, 1], a scalar or one-dimensional.
        segment_ids: as for `segment_argsort`, as are all others.
        num_segments: how many segments there are.
        method: as in `diffsort.quantile`.
        indices_are_sorted: whether `segment_ids` ascend.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        The quantiles, in front the axis of `q` if it has one, of shape (num_segments, …); NaN where a segment
        is empty or has a NaN. The gradient goes to the two elements that a quantile is between.

    Raises:
        ValueError: as `diffsort.quantile`.

    >>> import jax.numpy as jnp
    >>> segment_quantile(jnp.array([3., 1., 2., 4.]), 0.5, jnp.array([2, 0, 2, 2]))
    Array([ 1., nan,  3.], dtype=float32)
    """
    method = checked_method(method)
    probabilities, _ = as_probabilities(q)
    array, groups, chosen = _prepare(x, segment_ids, num_segments, indices_are_sorted, implementation)
    found = _find_quantiles(array, groups, chosen, method, jax.tree.map(jnp.ravel, probabilities))
    return found if jax.tree.leaves(probabilities)[0].ndim else jnp.squeeze(found, 0)


def segment_median(
    x: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    *,
    indices_are_sorted: bool = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the median of each segment: the element in the middle, or the mean of the two.

    Args:
        x: as for `segment_quantile`, as are all others.
        segment_ids: shape (n,).
        num_segments: how many segments there are.
        indices_are_sorted: whether `segment_ids` ascend.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Shape (num_segments, …); NaN where a segment is empty or has a NaN.

    >>> import jax.numpy as jnp
    >>> segment_median(jnp.array([3., 1., 2., 4.]), jnp.array([1, 0, 1, 0]))
    Array([2.5, 2.5], dtype=float32)
    """
    array, groups, chosen = _prepare(x, segment_ids, num_segments, indices_are_sorted, implementation)
    return _find_median(array, groups, chosen)


def segment_l_statistic(
    x: ArrayLike,
    weights: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    *,
    indices_are_sorted: bool = False,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the L-statistic of each segment, $\sum_k w_{s,k} x_{(k)}$ over its sorted elements.

    Args:
        x: shape (n, …), real; integers are taken as floats, as by jax.numpy.mean.
        weights: floating, one for each place of `segment_sort`'s result: of shape (n,), or broadcastable to
            that of `x` and of length n. `segment_places` says what the places are.
        segment_ids: as for `segment_argsort`, as are all others.
        num_segments: how many segments there are.
        indices_are_sorted: whether `segment_ids` ascend.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Shape (num_segments, …), in the common dtype of `x` and `weights`; 0 for an empty segment. The
        gradient is the weight at the place of each element, and for the weights the sorted elements.

    Raises:
        TypeError: `weights` is not floating.
        ValueError: `weights` has none of these shapes.

    >>> import jax.numpy as jnp
    >>> ids = jnp.array([1, 0, 1, 1])
    >>> from diffsort import segment_places
    >>> mean = 1 / segment_places(ids).size
    >>> segment_l_statistic(jnp.array([3., 1., 2., 4.]), mean, ids)
    Array([1., 3.], dtype=float32)
    """
    array, groups, chosen = _prepare(x, segment_ids, num_segments, indices_are_sorted, implementation)
    weights = floating(weights, "weights")
    if weights.ndim == 1:
        weights = weights.reshape(-1, *[1] * (array.ndim - 1))
    if not fits(weights.shape, array.shape, (0,)):
        raise ValueError(
            f"weights of shape {weights.shape} do not fit x of shape {array.shape}: give one dimension of "
            f"length {array.shape[0]}, or the rank of x with length 1 or equal off axis 0."
        )
    return _weigh(array, weights, groups, chosen)


def _prepare(
    x: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None,
    indices_are_sorted: bool,
    implementation: ImplementationLike,
) -> tuple[jax.Array, Groups, Chosen]:
    """Returns what a statistic is given, checked, floating and whole on every device."""
    array, ids = as_floating(x, "x"), as_array(segment_ids)
    array, ids = (unshard(a, (0,)) if a.ndim else a for a in (array, ids))
    return prepare(array, ids, num_segments, indices_are_sorted, implementation)


@functools.partial(jax.jit, static_argnames="method")
def _find_quantiles(
    x: jax.Array, groups: Groups, chosen: Chosen, method: str, probabilities: Factor
) -> jax.Array:
    return quantiles_of(rank_segments(chosen, x, groups), method, probabilities)


@jax.jit
def _find_median(x: jax.Array, groups: Groups, chosen: Chosen) -> jax.Array:
    return median_of(rank_segments(chosen, x, groups))


@jax.jit
def _weigh(x: jax.Array, weights: jax.Array, groups: Groups, chosen: Chosen) -> jax.Array:
    return weigh_places(sort_groups(x, groups, chosen, False)[0], weights, groups)
