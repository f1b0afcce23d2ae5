"""Batches of fixed shape: endless and shuffled to train on, once and in order to evaluate on."""

from __future__ import annotations

from collections.abc import Iterator

import grain
import numpy as np

from experiments.data.point_sets import PointSets
from experiments.data.shuffling import shuffled_indices
from experiments.errors import UserError

Batch = dict[str, np.ndarray]


def training_batches(sets: PointSets, batch_size: int, seed: int) -> grain.MapDataset:
    """Returns the batches of a training run, ``batches[step]`` for any step.

    A batch depends on ``sets``, ``batch_size``, ``seed`` and ``step`` alone, so a resumed run goes on
    with the batches that it would have seen. Every epoch has an order of its own, shows every example
    at most once and drops what does not fill a batch.

    Args:
        sets: The training examples.
        batch_size: Examples a batch.
        seed: Decides the order; a non-negative integer.

    Returns:
        An endless dataset of dicts: ``points`` float32 ``(batch_size, max_points, 2 + C)``, ``mask``
        bool ``(batch_size, max_points)`` and ``labels`` int32 ``(batch_size,)``.

    Raises:
        UserError: If ``batch_size`` is below 1 or exceeds the number of examples.
        ValueError: If ``seed`` is negative.
    """
    _check(batch_size)
    if batch_size > len(sets):
        raise UserError(
            f"trainer.batch_size={batch_size}: more than the {len(sets)} training examples; "
            f"make it {len(sets)} or less"
        )
    # Grain's own shuffle asks for one index after the other and is slow where there are few (0.5 ms
    # for 64 of 60,000, 1.2 ms for 64 of 1,000), and its epoch e + 1 of seed s is epoch e of seed s + 1.
    gather = _ShuffledGather(sets, batch_size, seed)
    return grain.MapDataset.range(len(sets) // batch_size).repeat().map_with_index(gather)


def evaluation_batches(sets: PointSets, batch_size: int) -> Iterator[Batch]:
    """Yields every example once, in order, in batches of one shape.

    Args:
        sets: The examples.
        batch_size: Examples a batch.

    Yields:
        Dicts as of :func:`training_batches` and ``valid``, bool ``(batch_size,)``: False for what
        pads the last batch, which is 0 and has no points.

    Raises:
        UserError: If ``batch_size`` is below 1.
    """
    _check(batch_size)
    return _in_order(sets, batch_size)  # apart, so that the check is not put off to the first batch


def _in_order(sets: PointSets, batch_size: int) -> Iterator[Batch]:
    for start in range(0, len(sets), batch_size):
        batch = _gather(sets, slice(start, start + batch_size))
        batch["valid"] = np.ones(len(batch["labels"]), bool)
        missing = batch_size - len(batch["labels"])
        yield {
            name: np.pad(values, [(0, missing)] + [(0, 0)] * (values.ndim - 1))
            for name, values in batch.items()
        }


class _ShuffledGather(grain.transforms.MapWithIndex):
    """Makes the batch of a step: whole batches at a time, since gathering single examples is slow."""

    def __init__(self, sets: PointSets, batch_size: int, seed: int) -> None:
        self._sets = sets
        self._batch_size = batch_size
        self._seed = seed
        self._order = (0, shuffled_indices(len(sets), seed, 0))

    def map_with_index(self, index: int, element: int) -> Batch:
        epoch = index // (len(self._sets) // self._batch_size)
        start = element * self._batch_size
        return _gather(self._sets, self._order_of(epoch)[start : start + self._batch_size])

    def _order_of(self, epoch: int) -> np.ndarray:
        # Read and replaced as one object, as Grain may call from several threads.
        known, order = self._order
        if known != epoch:
            order = shuffled_indices(len(self._sets), self._seed, epoch)
            self._order = (epoch, order)
        return order


def _gather(sets: PointSets, which: np.ndarray | slice) -> Batch:
    return {"points": sets.points[which], "mask": sets.mask[which], "labels": sets.labels[which]}


def _check(batch_size: int) -> None:
    if batch_size < 1:
        raise UserError(f"trainer.batch_size={batch_size}: must be at least 1")
