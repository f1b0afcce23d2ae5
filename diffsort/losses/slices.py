"""Sliced Wasserstein distances: those of sets of points, through their projections onto lines."""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike, DTypeLike

from diffsort._arguments import integer, number_in, require_positive
from diffsort._precision import computing_dtype
from diffsort.implementations import Chosen, ImplementationLike, get_implementation
from diffsort.losses._ascent import ascend
from diffsort.losses._lines import common_dtype, costs_on_lines, point_sets
from diffsort.losses._samples import Sample

__all__ = ["max_sliced_wasserstein", "random_projections", "sliced_wasserstein"]


def random_projections(
    key: jax.Array, num_projections: int, num_features: int, dtype: DTypeLike = jnp.float32
) -> jax.Array:
    """Returns directions that are uniform on the sphere, to project points onto.

    Args:
        key: a random key.
        num_projections: how many directions, at least 1.
        num_features: the dimension of the points, at least 1.
        dtype: a floating dtype.

    Returns:
        Vectors of length 1, shape (num_projections, num_features).

    Raises:
        TypeError: `key` is not a random key, a number is not an integer, or `dtype` is not floating.
        ValueError: one of the numbers is less than 1.

    >>> import jax, jax.numpy as jnp
    >>> directions = random_projections(jax.random.key(0), 50, 3)
    >>> directions.shape, bool(jnp.allclose(jnp.linalg.norm(directions, axis=1), 1))
    ((50, 3), True)
    """
    require_positive(num_projections=num_projections, num_features=num_features)
    kind = getattr(key, "dtype", None)
    if kind is None or not (jnp.issubdtype(kind, jax.dtypes.prng_key) or kind == jnp.uint32):
        raise TypeError(f"key must be a random key, not {key!r}; use jax.random.key({key!r}).")
    dtype = jnp.dtype(dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"dtype must be floating, not {dtype}.")
    normal = jax.random.normal(key, (num_projections, num_features), computing_dtype(dtype))
    return (normal / jnp.linalg.norm(normal, axis=1, keepdims=True)).astype(dtype)


def sliced_wasserstein(
    predictions: ArrayLike,
    targets: ArrayLike,
    projections: ArrayLike,
    p: float = 2.0,
    *,
    weights: ArrayLike | None = None,
    target_weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    target_where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the sliced Wasserstein distance of two sets of points, to the power p.

    $\frac{1}{L} \sum_{l=1}^{L} W_p^p(X \theta_l, Y \theta_l)$: the mean of `wasserstein_1d` over the lines
    that the points are projected onto.

    Args:
        predictions: sets of points, shape (..., n, d), floating.
        targets: sets of points, shape (..., m, d), floating.
        projections: the directions θ, shape (L, d), floating, of length 1 (this is not checked): see
            `random_projections`. The result is differentiable in them.
        p: p ≥ 1.
        weights: of the points, floating, broadcastable to (..., n). Non-negative, which is checked where
            they are known, and normalised to sum 1.
        target_weights: likewise, broadcastable to (..., m).
        where: boolean mask of the points, broadcastable to (..., n).
        target_where: likewise, broadcastable to (..., m).
        implementation: as in `wasserstein_1d`.

    Returns:
        The distance to the power p, shape (...); NaN where a point has one, and of a set of length 0; 0 where
        a set is all masked or has no weight.

    Raises:
        TypeError: `p` is not a Python number.
        ValueError: `p` is less than 1 or infinite, or a weight that is known is negative.

    Source: N. Bonneel, J. Rabin, G. Peyré, H. Pfister, Sliced and Radon Wasserstein barycenters of measures,
    2015.

    >>> import jax.numpy as jnp
    >>> x, y = jnp.array([[0., 0.], [1., 0.]]), jnp.array([[1., 3.], [0., 3.]])
    >>> sliced_wasserstein(x, y, jnp.eye(2))
    Array(4.5, dtype=float32)
    """
    x, y, lines = point_sets(
        predictions, targets, projections, (weights, target_weights), (where, target_where)
    )
    return _mean(x, y, lines, get_implementation(implementation), number_in(p, "p", 1, math.inf))


def max_sliced_wasserstein(
    predictions: ArrayLike,
    targets: ArrayLike,
    projections: ArrayLike,
    p: float = 2.0,
    *,
    ascent_steps: int = 0,
    weights: ArrayLike | None = None,
    target_weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    target_where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the greatest Wasserstein distance of two sets of points on a line, to the power p.

    $\max_l W_p^p(X \theta_l, Y \theta_l)$. With `ascent_steps` the best of the directions given is turned on
    the sphere to where the distance is greater still: each step follows the gradient along a great circle, by
    an angle that grows where that succeeds and shrinks where it does not, so that no step makes it worse.
    The direction found is held constant in the derivative. By Danskin's theorem that is the derivative of the
    maximum, unless two points meet on that line, as they may: then it is that of one of their two orders.

    Args:
        predictions: sets of points, shape (..., n, d), floating.
        targets: sets of points, shape (..., m, d), floating.
        projections: the directions θ, shape (L, d), floating, of length 1 (this is not checked): see
            `random_projections`.
        p: p ≥ 1.
        ascent_steps: how often to turn the direction, each a distance and its gradient for one line.
        weights: of the points, floating, broadcastable to (..., n). Non-negative, which is checked where
            they are known, and normalised to sum 1.
        target_weights: likewise, broadcastable to (..., m).
        where: boolean mask of the points, broadcastable to (..., n).
        target_where: likewise, broadcastable to (..., m).
        implementation: as in `wasserstein_1d`.

    Returns:
        The distance to the power p, shape (...); NaN where a point has one, and of a set of length 0; 0 where
        a set is all masked or has no weight.

    Raises:
        TypeError: `p` is not a Python number, or `ascent_steps` not an integer.
        ValueError: `p` is less than 1 or infinite, `ascent_steps` negative, or a weight that is known is
            negative.

    Source: I. Deshpande et al., Max-sliced Wasserstein distance and its use for GANs, CVPR 2019.

    >>> import jax.numpy as jnp
    >>> x, y = jnp.array([[0., 0.], [1., 0.]]), jnp.array([[1., 3.], [0., 3.]])
    >>> max_sliced_wasserstein(x, y, jnp.eye(2))
    Array(9., dtype=float32)
    """
    x, y, lines = point_sets(
        predictions, targets, projections, (weights, target_weights), (where, target_where)
    )
    chosen = get_implementation(implementation)
    steps = integer(ascent_steps, "ascent_steps")
    if steps < 0:
        raise ValueError(f"ascent_steps={steps} must not be negative.")
    return _greatest(x, y, lines, chosen, number_in(p, "p", 1, math.inf), steps)


@functools.partial(jax.jit, static_argnames="p")
def _mean(x: Sample, y: Sample, lines: jax.Array, implementation: Chosen, p: float) -> jax.Array:
    return jnp.mean(costs_on_lines(x, y, lines, implementation, p), -1).astype(common_dtype(x, y))


@functools.partial(jax.jit, static_argnames=("p", "steps"))
def _greatest(
    x: Sample, y: Sample, lines: jax.Array, implementation: Chosen, p: float, steps: int
) -> jax.Array:
    fixed_x, fixed_y, lines = lax.stop_gradient((x, y, lines))

    def costs(directions: jax.Array) -> jax.Array:
        return costs_on_lines(fixed_x, fixed_y, directions, implementation, p)

    best = jax.nn.one_hot(jnp.argmax(costs(lines), -1), lines.shape[0], dtype=lines.dtype)
    line = jnp.matmul(best, lines, precision=lax.Precision.HIGHEST)[..., None, :]
    line = ascend(costs, line, steps)
    return jnp.squeeze(costs_on_lines(x, y, line, implementation, p), -1).astype(common_dtype(x, y))
