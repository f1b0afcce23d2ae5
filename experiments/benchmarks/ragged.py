"""Pooling sets of different sizes: over segments, and padded to the largest with a mask."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsort.pooling import featurewise_sort_pool, quantile_pool
from experiments.benchmarks.contestants import REFERENCE
from experiments.benchmarks.measurements import RUN_TIME, Result
from experiments.benchmarks.timing import Program, summarised, time_in_turn

PADDED = "padded"

# Sizes of the sets of a batch, evenly spaced in the size or in its logarithm.
SIZES: dict[str, np.ndarray] = {
    "64 sets of 1 to 1000 points": np.linspace(1, 1000, 64).astype(int),
    "64 sets of 1 to 1000 points, most of them small": np.geomspace(1, 1000, 64).astype(int),
    "64 sets of 100 points": np.full(64, 100),
}
FEATURES = 64
_KNOTS = 21
_LEVELS = (0.1, 0.5, 0.9)


def time_ragged(seconds: float) -> Iterator[Result]:
    """Yields run times, forward and backward, and memory: over segments as `manual`, and padded.

    Args:
        seconds: about how long to take for a case.
    """
    for sizes_of, sizes in SIZES.items():
        for pooling, pool in _POOLINGS.items():
            runs = {name: _gradients(pool, **of) for name, of in _sets(sizes).items()}
            case = f"{pooling}, {sizes_of} × {FEATURES} features"
            elements = int(sizes.sum()) * FEATURES
            programs: dict[str, Program] = {
                name: functools.partial(jax.jit(run), *given) for name, (run, given) in runs.items()
            }
            yield Result("ragged", case, elements, RUN_TIME, "ms", *time_in_turn(programs, seconds))
            memory = {name: summarised([_memory(run, given)]) for name, (run, given) in runs.items()}
            yield Result("ragged", case, elements, "memory", "× the points", memory)


def _fspool(points: jax.Array, knots: jax.Array, **sets: Any) -> jax.Array:
    return featurewise_sort_pool(points, knots, **sets)


def _quantiles(points: jax.Array, knots: jax.Array, **sets: Any) -> jax.Array:
    del knots
    return quantile_pool(points, _LEVELS, **sets)


_POOLINGS: dict[str, Callable[..., jax.Array]] = {"FSPool": _fspool, "QuantilePool": _quantiles}


def _sets(sizes: np.ndarray) -> dict[str, dict[str, Any]]:
    """Returns the same sets for each contestant: points, and which set they are of."""
    ids = np.repeat(np.arange(len(sizes)), sizes)
    points = np.random.default_rng(0).normal(size=(len(ids), FEATURES)).astype(np.float32)
    mask = np.arange(sizes.max()) < sizes[:, None]
    padded = np.zeros((*mask.shape, FEATURES), np.float32)
    padded[mask] = points
    return {REFERENCE: {"points": points, "segment_ids": ids}, PADDED: {"points": padded, "where": mask}}


def _gradients(
    pool: Callable[..., jax.Array], points: np.ndarray, **sets: np.ndarray
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Returns a function of points and sets that pools forward and backward, and these."""
    number = int(sets["segment_ids"].max()) + 1 if "segment_ids" in sets else None
    knots = jnp.linspace(-1, 1, FEATURES * _KNOTS).reshape(FEATURES, _KNOTS)

    def run(points: jax.Array, knots: jax.Array, sets: dict[str, jax.Array]) -> Any:
        pooled, pull_back = jax.vjp(lambda x, k: pool(x, k, num_segments=number, **sets), points, knots)
        return pooled, pull_back(jnp.ones_like(pooled))

    return run, jax.device_put((points, knots, sets))


def _memory(run: Callable[..., Any], given: tuple[Any, ...]) -> float:
    """Returns what arguments, results and all between take, as a multiple of the points there are."""
    analysis: Any = jax.jit(run).lower(*given).compile().memory_analysis()
    taken = analysis.argument_size_in_bytes + analysis.output_size_in_bytes + analysis.temp_size_in_bytes
    _, _, sets = given
    points = sets["where"].sum() if "where" in sets else len(sets["segment_ids"])
    return float(taken / (int(points) * FEATURES * 4))
