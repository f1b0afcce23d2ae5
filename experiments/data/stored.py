"""Examples on disk: read and converted when they are asked for, or all at once where memory holds them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from experiments.data.corruption import Corruption, corrupted
from experiments.data.examples import SPLITS, Dataset, Examples, check_finite
from experiments.data.memory import memory_limit
from experiments.data.records import Records, chunks

_PART = 4  # what the training examples may take of the memory: one in so many


@dataclass(frozen=True, eq=False)
class Stored:
    """A split on disk.

    Attributes:
        dataset: the name of the dataset, for errors.
        split: that of the split.
        records: what is on disk.
        kind: the class of the examples.
        convert: makes examples of arrays and labels.
        rows: which of the records are examples, in order; None for all.
        labels: what the labels of these are; None for those on disk.
    """

    dataset: str
    split: str
    records: Records
    kind: type[Examples]
    convert: Callable[[list[np.ndarray], np.ndarray], Examples]
    rows: np.ndarray | None = None
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.records if self.rows is None else self.rows)

    def take(self, which: np.ndarray) -> Examples:
        """Reads the examples of some rows.

        Raises:
            UserError: they cannot be read, or are not all finite.
        """
        if not len(which):
            return self.take(np.arange(1)).take(slice(0))
        arrays, labels = self.records.read(which if self.rows is None else self.rows[which])
        examples = self.convert(arrays, labels if self.labels is None else self.labels[which])
        check_finite(examples, self.dataset, self.split, which)
        return examples

    def model_arguments(self) -> dict[str, Any]:
        """Returns what a model must know of its inputs, as arguments for its constructor."""
        return self.take(np.arange(1)).model_arguments()

    def loaded(self, progress: bool) -> Examples:
        """Returns all examples, in memory."""
        first = self.take(np.arange(1))
        arrays = {name: np.empty((len(self), *of.shape[1:]), of.dtype) for name, of in first.arrays().items()}
        for rows in chunks(len(self), f"converting {self.split}", progress):
            for name, values in self.take(rows).arrays().items():
                arrays[name][rows] = values
        return replace(first, **arrays)


def make_dataset(
    num_classes: int,
    splits: dict[str, Stored],
    *,
    in_memory: bool | None,
    progress: bool,
    **corruption: Unpack[Corruption],
) -> Dataset:
    """Makes a dataset of splits on disk.

    Args:
        num_classes: how many classes there are.
        splits: `train`, `validation` and `test`.
        in_memory: whether to read them now, once, or every time that they are used; the examples are the
            same. None reads them now if those of the training split take less than a quarter of the memory
            that there is.
        progress: whether to show progress bars, on a terminal.
        **corruption: what is wrong with the training examples; see `corrupted`.
    """
    train = splits["train"]

    def labels() -> np.ndarray:
        rows = chunks(len(train), "reading labels", progress)
        return np.concatenate([train.records.read(some)[1] for some in rows])

    rows_and_labels = corrupted(labels, num_classes, **corruption)
    if rows_and_labels is not None:
        train = replace(train, rows=rows_and_labels[0], labels=rows_and_labels[1])
    if in_memory is None:
        size = sum(values.nbytes for values in train.take(np.arange(1)).arrays().values())
        in_memory = size * len(train) < memory_limit() / _PART
    splits = {**splits, "train": train}
    if in_memory:
        return Dataset(
            train.dataset, num_classes, **{split: splits[split].loaded(progress) for split in SPLITS}
        )
    return Dataset(train.dataset, num_classes, **splits)
