"""How much of a training step the sort takes: the step timed against itself without sorting."""

import statistics
import time

import jax
import jax.numpy as jnp
from jax import lax
from omegaconf import DictConfig

import diffsort
from experiments.data import Batch
from experiments.training.building import build_model, build_task
from experiments.training.setup import Setup
from experiments.training.steps import Steps, TrainState

_WARM_UP = 2  # calls
_FEWEST, _STEPS = 5, 15  # calls, and steps that are enough


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


class SortShare:
    """Tells how much of a training step's time goes into sorting.

    Args:
        steps: the training step, compiled.
        unsorted_steps: the same with the implementation `unsorted()`.
        batch: of the data.
    """

    def __init__(self, steps: Steps, unsorted_steps: Steps, batch: Batch) -> None:
        self._both, self._batches = (steps, unsorted_steps), [batch] * steps.length
        with_sort, without = (one.lowered(batch, steps.length).as_text() for one in self._both)
        self._sorts = with_sort != without
        if self._sorts:
            unsorted_steps.compile(batch, [steps.length])

    def measure(self, state: TrainState) -> float:
        """Returns the share, between 0 and 1.

        It is the median over pairs of calls, one after the other, with the sort and with every element left
        where it is. The share contains what the compiler could fuse without a sort. It is 0 where the pairs
        differ by no more than noise; a model that does not sort compiles to the same program twice, and has
        a share of exactly 0 without being timed.

        Args:
            state: to begin with, for either; it stays as it is.
        """
        if not self._sorts:
            return 0.0
        leaves = [steps.leaves(state) for steps in self._both]
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(_WARM_UP + max(_FEWEST, _STEPS // len(self._batches))):
            for i, steps in enumerate(self._both):
                start = time.perf_counter()
                leaves[i], _ = jax.block_until_ready(steps(leaves[i], self._batches))
                times[i].append(time.perf_counter() - start)
        pairs = zip(*(taken[_WARM_UP:] for taken in times), strict=True)
        return max(0.0, statistics.median(1.0 - without / with_sort for with_sort, without in pairs))


def sort_share(config: DictConfig, setup: Setup, steps: Steps) -> SortShare:
    """Returns what measures the share of the sort in the compiled steps of a run."""
    unsorted_config = config.copy()
    unsorted_config.sort.implementation = {"_target_": f"{unsorted.__module__}.{unsorted.__name__}"}
    task = build_task(unsorted_config)
    graph, _ = build_model(unsorted_config, setup.data, task, abstract=True)
    return SortShare(steps, setup.steps(graph, task), setup.batches[0])
