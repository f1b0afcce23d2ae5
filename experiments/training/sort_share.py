"""How much of a training step the sort takes: the step timed against itself without sorting."""

import statistics
import time

import jax
import jax.numpy as jnp
from jax import lax

import diffsort
from experiments.data import Batch
from experiments.training.steps import Steps, TrainState

_WARM_UP, _REPEATS = 3, 15


def _in_given_order(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    del axis, descending, where
    return x


def _given_order(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    del descending, where
    return lax.broadcasted_iota(jnp.int32, x.shape, axis)


def _unmoved(x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
    del indices, axis
    return x


def unsorted() -> diffsort.Implementation:
    """Returns the implementation that leaves every element where it is."""
    return diffsort.Implementation("unsorted", _in_given_order, _given_order, _unmoved)


def sort_fraction(steps: Steps, unsorted_steps: Steps, state: TrainState, batch: Batch) -> float:
    """Returns the share of a training step's time that goes into sorting, between 0 and 1.

    Measures the median over interleaved pairs of steps, with the sort and with every element left where
    it is. The share contains what the compiler could fuse without a sort. A model that does not sort
    compiles to the same program twice and has a share of exactly 0.

    Args:
        steps: the training step.
        unsorted_steps: the same with the implementation `unsorted()`.
        state: parameters and optimizer state for either.
        batch: data for either.
    """
    both = steps, unsorted_steps
    leaves = [one.leaves(state) for one in both]
    with_sort, without = (one.lowered(leaves[0], batch).as_text() for one in both)
    if with_sort == without:
        return 0.0
    for one in both:
        one.compile(leaves[0], batch, [1])
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_WARM_UP + _REPEATS):
        for i, one in enumerate(both):
            start = time.perf_counter()
            leaves[i], _ = jax.block_until_ready(one(leaves[i], [batch]))
            times[i].append(time.perf_counter() - start)
    medians = [statistics.median(taken[_WARM_UP:]) for taken in times]
    return min(1.0, max(0.0, 1.0 - medians[1] / medians[0]))
