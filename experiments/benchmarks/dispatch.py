"""Tokens to experts and back, by the permutation of a sort and by what one would write without it."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import diffsort
from diffsort.experts import route
from experiments.benchmarks.contestants import REFERENCE
from experiments.benchmarks.timing import Measurement, Program, time_in_turn

NUM_EXPERTS, NUM_SELECTED = 8, 2
_ONE_HOT_UP_TO = 2**24  # numbers: beyond, its matrix takes too long


def time_dispatch(
    x: jax.Array, cotangent: jax.Array, seconds: float
) -> tuple[dict[str, Measurement], dict[str, str]]:
    """Times tokens (n, features) on the way to two of eight experts each and back, and the gradient."""
    logits = jax.random.normal(jax.random.key(2), (x.shape[0], NUM_EXPERTS))
    weights, expert_ids, _ = route(logits, NUM_SELECTED)
    runs: dict[str, Callable[..., jax.Array]] = {
        REFERENCE: functools.partial(_sorted, implementation=REFERENCE),
        "builtin": functools.partial(_sorted, implementation="builtin"),
        "gather": _gathered,
        "one-hot": _one_hot,
    }
    left_out = {}
    if 2 * x.shape[0] * expert_ids.size > _ONE_HOT_UP_TO:
        left_out["one-hot"] = "time and memory grow with the square of the tokens"

    def program(run: Callable[..., jax.Array]) -> Program:
        def both(x: jax.Array, weights: jax.Array, ids: jax.Array, cotangent: jax.Array) -> object:
            found, pull_back = jax.vjp(functools.partial(run, expert_ids=ids), x, weights)
            return found, pull_back(cotangent)

        return functools.partial(jax.jit(both), x, weights, expert_ids, cotangent)

    times, failures = time_in_turn({n: program(r) for n, r in runs.items() if n not in left_out}, seconds)
    return times, failures | left_out


def _sorted(x: jax.Array, weights: jax.Array, *, expert_ids: jax.Array, implementation: Any) -> jax.Array:
    rows, _, indices = diffsort.dispatch(x, expert_ids, NUM_EXPERTS, implementation=implementation)
    return diffsort.combine(2 * rows, indices, weights, implementation=implementation)


def _gathered(x: jax.Array, weights: jax.Array, *, expert_ids: jax.Array) -> jax.Array:
    """A gather, whose transpose is JAX's, and a scatter that adds."""
    order = jnp.argsort(expert_ids.ravel())
    token = order // NUM_SELECTED
    return jnp.zeros_like(x).at[token].add(2 * x[token] * weights.ravel()[order][:, None])


def _one_hot(x: jax.Array, weights: jax.Array, *, expert_ids: jax.Array) -> jax.Array:
    """Products with the matrix of the dispatch."""
    choice = jnp.argsort(expert_ids.ravel())
    matrix = jax.nn.one_hot(choice // NUM_SELECTED, x.shape[0], dtype=x.dtype)
    return matrix.T @ (2 * (matrix @ x) * weights.ravel()[choice][:, None])
