"""Pooling by sliced-Wasserstein embedding (PSWE)."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import floating
from diffsort._precision import at_least_float32
from diffsort.implementations import Chosen, ImplementationLike, get_implementation
from diffsort.keys import sort_key_val
from diffsort.pooling._sets import as_points, count_of, point_mask, unit, visible
from diffsort.statistics import l_statistic

__all__ = ["sliced_wasserstein_pool"]


def sliced_wasserstein_pool(
    x: ArrayLike,
    directions: ArrayLike,
    reference: ArrayLike,
    weights: ArrayLike,
    *,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Pooling by sliced-Wasserstein embedding: how far a set is from a reference, slice by slice.

    A slice projects the points on a unit vector, $z_i = x_i^\top \theta_l$, and moves the M points of a
    reference to the set in the cheapest way, which keeps their order: the point of rank k among them goes to
    the quantile $q_k$ of the set. The result is a weighted sum of these moves,

    $$y_l = \sum_{m=1}^{M} w_{ml} \left( r_{ml} - q_{\operatorname{rank}(r_{ml})} \right).$$

    With the sorted $z$ at the positions $\frac{1}{n+1}, \dots, \frac{n}{n+1}$, $q_k$ is read at
    $\frac{k}{M+1}$, k from 1, linearly, along the outermost pieces also beyond them; n counts unmasked
    points, and a single point is all quantiles. That makes $y_l$ an L-statistic of z, and as one it is
    computed.

    The authors' code reorders quantiles by the argsort of the reference where this has its inverse, the
    rank: the same for a reference in order, as it is at first, and here the cheapest way for others too.

    Args:
        x: sets of points, shape (..., n, c), floating.
        directions: $\theta$, shape (c, L), floating; their length does not count.
        reference: r, shape (M, L), floating.
        weights: w, shape (M, L), floating.
        where: boolean mask of the points, broadcastable to (..., n). What masked points hold reaches no
            value and no gradient.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Shape (..., L), in the common dtype. Invariant to the order of the points; 0 for an empty set, which
        has no quantiles.

    Raises:
        TypeError: `directions`, `reference` or `weights` is not floating.
        ValueError: `directions` is not (c, L), `reference` or `weights` not (M, L), or `implementation` has
            no permutation.

    Source: N. Naderializadeh, J. F. Comer, R. W. Andrews, H. Hoffmann, S. Kolouri, Pooling by
    sliced-Wasserstein embedding, NeurIPS 2021.

    >>> import jax.numpy as jnp
    >>> x, one_direction = jnp.array([[1.], [5.], [3.]]), jnp.array([[2.]])
    >>> reference, weights = jnp.array([[10.], [0.]]), jnp.array([[1.], [100.]])
    >>> sliced_wasserstein_pool(x, one_direction, reference, weights)  # quantiles 1 2/3 and 4 1/3
    Array([-161.], dtype=float32)
    """
    points = as_points(x)
    parameters = {"directions": directions, "reference": reference, "weights": weights}
    theta, r, w = (floating(value, name) for name, value in parameters.items())
    _check_shapes(points.shape, theta.shape, r.shape, w.shape)
    chosen = get_implementation(implementation)
    return _pool(points, theta, r, w, point_mask(where, points), chosen)


@jax.jit
def _pool(
    x: jax.Array,
    directions: jax.Array,
    reference: jax.Array,
    weights: jax.Array,
    mask: jax.Array | None,
    implementation: Chosen,
) -> jax.Array:
    count = count_of(x, mask)
    z = jnp.matmul(visible(x, mask), unit(directions))
    # Weights in the order of the reference, not quantiles in its disorder: once, and not for every set.
    _, by_quantile = sort_key_val(reference, weights, 0, implementation=implementation)
    by_quantile = at_least_float32(by_quantile)
    reading = _reading(x.shape[-2], count, reference.shape[0], by_quantile.dtype)
    by_rank = jnp.matmul(reading, by_quantile, precision=lax.Precision.HIGHEST)
    by_rank = by_rank.astype(weights.dtype).reshape((1,) * (z.ndim - by_rank.ndim) + by_rank.shape)
    of_set = l_statistic(z, by_rank, -2, where=mask, implementation=implementation)
    of_reference = jnp.sum(weights * reference, 0).reshape((1,) * (of_set.ndim - 1) + (-1,))
    y = of_reference - of_set
    return jnp.where((count > 0)[..., None], y, jnp.zeros_like(y))


def _reading(n: int, count: jax.Array, points: int, dtype: jnp.dtype) -> jax.Array:
    """Returns how much of each sorted element each quantile has, shape (*count.shape, n, points)."""
    size = count.astype(dtype)[..., None, None]
    batch = (1,) * count.ndim
    quantile = jnp.arange(points, dtype=dtype).reshape(*batch, 1, points)
    element = jnp.arange(n, dtype=dtype).reshape(*batch, n, 1)
    place = (quantile + 1) * (size + 1) / (points + 1) - 1
    low = jnp.clip(jnp.floor(place), 0, jnp.maximum(size - 2, 0))
    share = jnp.where(size > 1, place - low, jnp.zeros_like(place))
    is_low, is_high = ((element == at).astype(dtype) for at in (low, low + 1))
    return is_low * (1 - share) + is_high * share


def _check_shapes(
    x: tuple[int, ...], directions: tuple[int, ...], reference: tuple[int, ...], weights: tuple[int, ...]
) -> None:
    if len(directions) != 2 or directions[0] != x[-1]:
        raise ValueError(
            f"directions have shape {directions}; expected ({x[-1]}, projections) for x of shape {x}."
        )
    if len(reference) != 2 or reference[0] < 1 or reference[1] != directions[1]:
        raise ValueError(f"reference has shape {reference}; expected (points, {directions[1]}).")
    if weights != reference:
        raise ValueError(f"weights have shape {weights}; expected that of the reference, {reference}.")
