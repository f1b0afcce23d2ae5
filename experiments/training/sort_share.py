"""How much of a training step the sort takes: the step timed against itself without sorting."""

import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

import diffsort
from experiments.data import Batch
from experiments.training.steps import TrainState, TrainStep

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


def sort_fraction(step: TrainStep, unsorted_step: TrainStep, state: TrainState, batch: Batch) -> float:
    """Returns the share of a training step's time that goes into sorting, between 0 and 1.

    Measures the median over interleaved pairs of steps, with the sort and with every element left where
    it is. The share contains what the compiler could fuse without a sort. A model that does not sort
    compiles to the same program twice and has a share of exactly 0.

    Args:
        step: the training step.
        unsorted_step: the same with the implementation `unsorted()`.
        state: parameters and optimizer state for either.
        batch: data for either.
    """
    lowered = [jax.jit(f).lower(state, batch) for f in (step, unsorted_step)]
    if lowered[0].as_text() == lowered[1].as_text():
        return 0.0
    sorting, leaving = (program.compile() for program in lowered)
    pairs = [
        (_seconds(sorting, state, batch), _seconds(leaving, state, batch)) for _ in range(_WARM_UP + _REPEATS)
    ][_WARM_UP:]
    with_sort, without = (statistics.median(times) for times in zip(*pairs, strict=True))
    return min(1.0, max(0.0, 1.0 - without / with_sort))


def _seconds(program: Callable[..., object], state: TrainState, batch: Batch) -> float:
    start = time.perf_counter()
    jax.block_until_ready(program(state, batch))
    return time.perf_counter() - start
