"""Top-k pooling: the k points furthest along a learned direction."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import floating, require_positive
from diffsort.implementations import get_implementation
from diffsort.pooling._directions import unit
from diffsort.pooling._sets import as_points, first_points, point_mask, visible
from diffsort.sorting import sort_key_val


def top_k_pool(
    x: ArrayLike,
    projection: ArrayLike,
    k: int,
    *,
    where: ArrayLike | None = None,
    implementation: str = "manual",
) -> jax.Array:
    r"""Top-k pooling: keeps the k points of greatest score, each times the tanh of its score.

    With scores $s_i = x_i^\top p / \lVert p \rVert_2$ for a projection vector p, the j-th row of the result
    is $\tanh(s_{(j)})\, x_{(j)}$, the greatest score first. The tanh is what lets p learn.

    Args:
        x: sets of points, shape (..., n, c), floating.
        projection: p, shape (c,), floating; its length does not count. Where it is 0, so is the result.
        k: how many points to keep. Where a set has fewer, rows of 0 follow.
        where: boolean mask of the points, broadcastable to (..., n). What masked points hold reaches no
            value and no gradient.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Points in order, shape (..., k, c). Points of equal score stay in input order; but for them, the
        result is invariant to the order of the points.

    Raises:
        TypeError: `x` or `projection` is not floating, `where` not boolean, or `k` no integer.
        ValueError: `k` is not positive, the shapes do not fit, or `implementation` is unknown or lacks a
            permutation.

    Source: H. Gao, S. Ji, Graph U-Nets, ICML 2019, section 3.1; with tanh as the gate, as C. Cangea et al.,
    Towards sparse hierarchical graph classifiers, 2018.

    >>> import jax.numpy as jnp
    >>> x = jnp.array([[0., 1.], [0., 3.], [50., 20.]])
    >>> top_k_pool(x, jnp.array([7., 0.]), 2)
    Array([[50., 20.],
           [ 0.,  0.]], dtype=float32)
    """
    points, projection = as_points(x), floating(projection, "projection")
    require_positive(k=k)
    if projection.shape != points.shape[-1:]:
        raise ValueError(
            f"projection has shape {projection.shape}; expected {points.shape[-1:]}, the channels of x."
        )
    get_implementation(implementation)
    return _kept(points, projection, point_mask(where, points), k, implementation)


@functools.partial(jax.jit, static_argnames=("k", "implementation"))
def _kept(
    x: jax.Array, projection: jax.Array, mask: jax.Array | None, k: int, implementation: str
) -> jax.Array:
    x = visible(x, mask)
    # In full precision, which a product with one vector has to spare: scores decide what is kept.
    scores = jnp.matmul(x, unit(projection)[:, None], precision=lax.Precision.HIGHEST)
    _, rows = sort_key_val(
        scores, x * jnp.tanh(scores), -2, descending=True, where=mask, implementation=implementation
    )
    return first_points(rows, k)
