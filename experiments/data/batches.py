"""Batches of fixed shape: endless and shuffled to train on, once and in order to evaluate on."""

import functools
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import grain
import numpy as np

from experiments.data.examples import Split
from experiments.data.shuffling import shuffled_indices
from experiments.data.stored import Stored
from experiments.errors import UserError

# Arrays with an example a row: NumPy's, which a compiled step sees as JAX's.
Batch = dict[str, Any]

# Streams of random bits, apart from those of the epochs' orders, which take a single number each.
_TRAINING, _EVALUATION = 1, 2

_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_THREADS = min(8, _CORES)

# Two, as reading threads may be at the end of an epoch and at the beginning of the next.
_order = functools.lru_cache(maxsize=2)(shuffled_indices)


@dataclass(frozen=True, eq=False)
class Batches(ABC):
    """The batches of a split, or a process's part of each; `batches[step]` is one of them.

    What a batch holds depends on the arguments and the step alone. So nothing needs to be saved in order to
    go on in the middle of an epoch, and as many processes as there may be see the same batches together.

    Attributes:
        examples: the split, in memory or on disk.
        batch_size: examples a batch, of all processes together.
        process: which process this is, from 0, and how many there are; each takes the rows of a batch that
            follow those of the one before.
    """

    examples: Split
    batch_size: int
    process: tuple[int, int] = (0, 1)

    @abstractmethod
    def __len__(self) -> int:
        """Returns how many batches there are."""

    @abstractmethod
    def __getitem__(self, step: int) -> Batch:
        """Returns a batch: the arrays of the examples, and `key`, uint32 (2,), the data of a JAX key.

        Raises:
            UserError: an example cannot be read, or is not all finite numbers.
        """

    def __iter__(self) -> Iterator[Batch]:
        return (self[step] for step in range(len(self)))

    def example_ids(self, step: int) -> np.ndarray:
        """Returns the rows of the split that are in this process's part of a batch."""
        index, count = self.process
        size = self.batch_size // count
        return self._all_ids(step)[index * size : (index + 1) * size]

    @abstractmethod
    def _all_ids(self, step: int) -> np.ndarray:
        """Returns the same for all processes."""


@dataclass(frozen=True, eq=False)
class TrainingBatches(Batches):
    """Batches without an end, in an order of their own for every epoch; see `training_batches`."""

    seed: int = 0

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, step: int) -> Batch:
        rows = self.examples.take(self.example_ids(step))
        return {**rows.as_batch(len(rows)), "key": _key(_TRAINING, self.seed, step)}

    def _all_ids(self, step: int) -> np.ndarray:
        epoch, within = divmod(step, len(self.examples) // self.batch_size)
        start = within * self.batch_size
        # Grain's own shuffle asks for one index after the other and is slow where there are few (0.5 ms
        # for 64 of 60,000, 1.2 ms for 64 of 1,000), and its epoch e + 1 of seed s is epoch e of seed s + 1.
        return _order(len(self.examples), self.seed, epoch)[start : start + self.batch_size]


@dataclass(frozen=True, eq=False)
class EvaluationBatches(Batches):
    """Every example once, in order; see `evaluation_batches`."""

    def __len__(self) -> int:
        return -(-len(self.examples) // self.batch_size)

    def __getitem__(self, step: int) -> Batch:
        ids = self.example_ids(step)
        size = self.batch_size // self.process[1]
        arrays = self.examples.take(ids).as_batch(size)
        return {**arrays, "valid": np.arange(size) < len(ids), "key": _key(_EVALUATION, 0, step)}

    def _all_ids(self, step: int) -> np.ndarray:
        start = step * self.batch_size
        return np.arange(start, min(start + self.batch_size, len(self.examples)))


def training_batches(
    examples: Split, batch_size: int, seed: int, process: tuple[int, int] = (0, 1)
) -> TrainingBatches:
    """Returns the batches of a training run, `batches[step]` for any step.

    Every epoch has an order of its own, shows every example at most once and drops what does not fill a
    batch. The order is a function of seed and epoch, and is what is kept in memory: 8 bytes an example.

    Args:
        examples: the training examples.
        batch_size: examples a batch, of all processes together.
        seed: decides the order; a non-negative integer.
        process: which process this is, from 0, and how many there are.

    Raises:
        UserError: `batch_size` is below 1, exceeds the number of examples, or does not divide among the
            processes.
        ValueError: `seed` is negative.
    """
    if not 1 <= batch_size <= len(examples):
        raise UserError(
            f"trainer.batch_size={batch_size}: there are {len(examples)} training examples; "
            f"make it at least 1 and at most {len(examples)}"
        )
    if batch_size % process[1]:
        raise UserError(
            f"trainer.batch_size={batch_size}: does not divide among {process[1]} processes; "
            f"make it a multiple of {process[1]}"
        )
    _order(len(examples), seed, 0)  # so that a wrong seed is told here
    return TrainingBatches(examples, batch_size, process, seed)


def evaluation_batches(
    examples: Split, batch_size: int, process: tuple[int, int] = (0, 1)
) -> EvaluationBatches:
    """Returns every example once, in order, in batches of one shape.

    They have the keys of training batches and `valid`, bool (batch_size,): False for what pads the last
    batch, which is 0.

    Args:
        examples: the examples.
        batch_size: examples a batch, of all processes together; a multiple of their number.
        process: which process this is, from 0, and how many there are.
    """
    return EvaluationBatches(examples, batch_size, process)


def stream(batches: Batches, first: int = 0) -> Generator[Batch, None, None]:
    """Yields the batches from one on: read ahead by several threads where the examples are on disk.

    The threads end with the iterator: when it is exhausted, closed (`contextlib.closing`), or an example
    cannot be read.

    Args:
        batches: what to yield.
        first: the step to begin with.
    """
    if not isinstance(batches.examples, Stored):  # taking rows is faster than handing them over
        for step in range(first, len(batches)):
            yield batches[step]
        return
    # Few, as each batch takes memory: enough for every thread to be at work on one while another waits.
    options = grain.ReadOptions(num_threads=_THREADS, prefetch_buffer_size=2 * _THREADS)
    iterator = iter(grain.MapDataset.source(batches)[first:].to_iter_dataset(options))
    try:
        yield from iterator
    finally:
        iterator.close()


def _key(stream: int, seed: int, number: int) -> np.ndarray:
    return np.random.SeedSequence(seed, spawn_key=(stream, number)).generate_state(2)
