"""Regularised optimal transport of points on a line: solved by ott-jax, differentiated by hand.

ott-jax is optional, and imported when a program is traced. Its own derivative is not used: with ott-jax 0.6
a soft sort has none in reverse mode under JAX 0.10, and in forward mode none at all.
"""

import functools
import importlib.util
import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


class Settings(NamedTuple):
    """How a plan is solved.

    Attributes:
        threshold: by how much the weights of the targets may be missed, in sum.
        max_iterations: most iterations, whatever is missed.
    """

    threshold: float
    max_iterations: int


def why_unavailable() -> str | None:
    """Returns why transport is not available here, or None."""
    if importlib.util.find_spec("ott") is not None:
        return None
    return "it needs ott-jax; pip install ott-jax"


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def potential(cost: jax.Array, valid: jax.Array, settings: Settings) -> jax.Array:
    r"""Returns the dual potential f of the sources, of which `plan` makes the plan of least cost.

    Args:
        cost: what it costs to move source i to target k, in units of the strength ε of the entropic
            regularisation, shape (n, n); both in ascending order.
        valid: 1.0 for the sources and targets there are, all of one weight, then 0.0; shape (n,).
        settings: how it is solved.

    Returns:
        The potential, shape (n,); 0 where not valid.

    Source: M. Cuturi, Sinkhorn Distances, NeurIPS 2013; A. Thibault et al., Overrelaxed Sinkhorn-Knopp
    Algorithm for Regularized Optimal Transport, 2021.
    """
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        # Importing ott-jax imports jaxopt, which warns that nobody maintains it.
        from ott.geometry.geometry import Geometry
        from ott.problems.linear.linear_problem import LinearProblem
        from ott.solvers.linear.acceleration import Momentum
        from ott.solvers.linear.sinkhorn import Sinkhorn

    weights = valid / jnp.sum(valid)
    # Begun at the hard sort, overrelaxed, and with what the hard sort already explains taken off the cost,
    # which keeps the scalings near 1 and logarithms out: a quarter of the iterations, half the time each.
    source, target = _hard_potentials(cost, valid)
    both = valid[:, None] * valid[None, :]
    solver = Sinkhorn(
        lse_mode=False,
        threshold=settings.threshold,
        max_iterations=settings.max_iterations,
        momentum=Momentum(value=1.5),
    )
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # ott-jax relies on both
        rest = Geometry(both * (cost - source[:, None] - target[None, :]), epsilon=1.0)
        correction = solver(LinearProblem(rest, a=weights, b=weights)).f
    return jnp.where(valid > 0, source + correction.astype(cost.dtype), jnp.zeros_like(valid))


def plan(potential: jax.Array, cost: jax.Array, valid: jax.Array) -> jax.Array:
    r"""Returns $n P_{ik}$: in column k, what target k is a mean of.

    $n P_{ik} = \exp(f_i - C_{ik}) / \sum_j \exp(f_j - C_{jk})$, so every target is met exactly, whatever the
    potential f.
    """
    return jax.nn.softmax(potential[:, None] - cost, axis=0, where=(valid > 0)[:, None])


@potential.defjvp
def _potential_jvp(
    settings: Settings, primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    """Differentiates what the potential solves: each source sends out all it has, Σ_k n P_ik = 1."""
    (cost, valid), (cost_tangent, _) = primals, tangents
    solution = potential(cost, valid, settings)
    matmul = functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST)
    moved = plan(solution, cost, valid) * valid[None, :]
    more = moved * (cost_tangent - jnp.sum(moved * cost_tangent, axis=0, keepdims=True))
    # Symmetric, and singular where potentials may shift together, where nothing is valid and, but for
    # rounding, where a plan is a permutation.
    shift = valid[:, None] * valid[None, :] / jnp.sum(valid)
    ridge = 16 * jnp.finfo(cost.dtype).eps
    diagonal = jnp.sum(moved, axis=1) + (1 - valid) + ridge
    factor = jax.scipy.linalg.cho_factor(jnp.diag(diagonal) - matmul(moved, moved.T) + shift, lower=True)
    return solution, jax.scipy.linalg.cho_solve(factor, jnp.sum(more, axis=1))


def _hard_potentials(cost: jax.Array, valid: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns dual potentials of the hard sort, and those of the targets, given them; 0 where not valid.

    That two neighbours exchange their targets must not pay. It leaves an interval for the difference of
    their potentials, of which this takes the middle.
    """
    kept, after, before = (jnp.diagonal(cost, offset) for offset in (0, 1, -1))
    steps = (kept[1:] - after + before - kept[:-1]) / 2
    source = jnp.pad(jnp.cumsum(steps), (1, 0)) * valid
    reached = jax.nn.logsumexp(source[:, None] - cost, axis=0, where=(valid > 0)[:, None])
    return source, -(reached + jnp.log(jnp.sum(valid))) * valid
