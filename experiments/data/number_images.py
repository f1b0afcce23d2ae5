"""Images of numbers, made of the images of digits side by side."""

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from experiments.data.corruption import corrupted
from experiments.data.examples import SPLITS, Dataset, Examples, LabelledVectors, NumberSets
from experiments.data.records import Records, chunks, open_dataset
from experiments.data.shuffling import drawn_indices
from experiments.errors import UserError

_HELD_OUT = 1000  # sets to validate, and as many to test: the same for every seed
_TRAINING = 20_000  # sets to train on
_HELD_OUT_VECTORS = 2000
_STREAMS = dict(zip(SPLITS, range(2**42, 2**42 + 3), strict=True))  # of drawn_indices


@dataclass(frozen=True, eq=False)
class ComposedNumbers:
    """A split of sets of numbers, which are composed when they are asked for.

    Attributes:
        digits: images of digits, float32 (D, height, width).
        labels: which digits they show, int32 (D,).
        drawn: which of them are in a number, from left to right, int64 (N, n, digits of a number).
    """

    kind: ClassVar[type[Examples]] = NumberSets
    digits: np.ndarray
    labels: np.ndarray
    drawn: np.ndarray

    def __len__(self) -> int:
        return len(self.drawn)

    def take(self, which: np.ndarray | slice) -> NumberSets:
        """Composes the sets of some rows."""
        drawn = self.drawn[which]
        height, width = self.digits.shape[1:]
        side_by_side = np.moveaxis(self.digits[drawn], -3, -2)
        images = side_by_side.reshape(*drawn.shape[:2], height, drawn.shape[2] * width)
        places = 10 ** np.arange(drawn.shape[2])[::-1]
        return NumberSets(images, (self.labels[drawn] @ places).astype(np.int32))

    def model_arguments(self) -> dict[str, Any]:
        """Returns the size of an image."""
        return self.take(np.arange(1)).model_arguments()


def load_number_sets(
    name: str,
    directory: str | os.PathLike[str],
    set_size: int,
    num_digits: int = 4,
    *,
    seed: int = 0,
    progress: bool = True,
) -> Dataset:
    """Loads sets of images of numbers, each of digits of the same split side by side: no digit is in two.

    There are 20,000 sets to train on, drawn with the seed, and 1,000 to validate and to test, which are the
    same for every seed. Two numbers of a set may be equal.

    Args:
        name: what the digits are drawn from: `digits`, or what TFDS calls a dataset of images of one size in
            ten classes, as `mnist` and `fashion_mnist`, where a class is a digit.
        directory: the folder of all datasets. Made and written where the dataset is not there yet.
        set_size: images of a set.
        num_digits: digits of a number.
        seed: decides the training sets.
        progress: whether to show progress bars, on a terminal.

    Raises:
        UserError: as `open_dataset`; the dataset has no ten classes, or its images are no digits; a size is
            out of range.

    Source: A. Grover, E. Wang, A. Zweig, S. Ermon, Stochastic Optimization of Sorting Networks via
    Continuous Relaxations, ICLR 2019, section 6.1.
    """
    if set_size < 2:
        raise UserError(f"data.set_size={set_size}: must be at least 2")
    sizes = {split: (_TRAINING if split == "train" else _HELD_OUT, set_size) for split in SPLITS}
    return Dataset(name, None, **_composed(name, directory, sizes, num_digits, seed, progress))


def load_number_vectors(
    name: str,
    directory: str | os.PathLike[str],
    num_train: int,
    num_digits: int = 2,
    *,
    label_noise: float = 0.0,
    seed: int = 0,
    progress: bool = True,
) -> Dataset:
    """Loads images of numbers as vectors, a class for each number; otherwise as `load_number_sets`.

    There are 2,000 to validate and to test.

    Args:
        name: what the digits are drawn from.
        directory: the folder of all datasets.
        num_train: how many to train on.
        num_digits: digits of a number.
        label_noise: fraction of the training labels to replace by another class.
        seed: decides the training examples, and which labels are wrong.
        progress: whether to show progress bars, on a terminal.

    Raises:
        UserError: as `load_number_sets` and `corrupted`.
    """
    if num_train < 1:
        raise UserError(f"data.num_train={num_train}: must be at least 1")
    sizes = {split: (num_train if split == "train" else _HELD_OUT_VECTORS, 1) for split in SPLITS}
    splits = {}
    for split, composed in _composed(name, directory, sizes, num_digits, seed, progress).items():
        numbers = composed.take(slice(None))
        labels = numbers.numbers[:, 0]
        if split == "train":
            noisy = corrupted(labels.copy, 10**num_digits, label_noise, seed=seed)
            labels = labels if noisy is None else noisy[1]
        splits[split] = LabelledVectors(numbers.images.reshape(len(labels), -1), labels)
    return Dataset(name, 10**num_digits, **splits)


def _composed(
    name: str,
    directory: str | os.PathLike[str],
    sizes: dict[str, tuple[int, int]],
    num_digits: int,
    seed: int,
    progress: bool,
) -> dict[str, ComposedNumbers]:
    """The splits, with so many sets of so many numbers."""
    if not 1 <= num_digits <= 9:
        raise UserError(f"data.num_digits={num_digits}: must be from 1 to 9")
    splits = {}
    for split, records in open_dataset(name, directory, progress=progress).items():
        digits, labels = _read(name, split, records, progress)
        shape = (*sizes[split], num_digits)
        drawn = drawn_indices(shape, len(labels), seed if split == "train" else 0, _STREAMS[split])
        splits[split] = ComposedNumbers(digits, labels, drawn)
    return splits


def _read(name: str, split: str, records: Records, progress: bool) -> tuple[np.ndarray, np.ndarray]:
    """All images of a split, (D, height, width) with intensities in [0, 1], and their labels."""
    if records.num_classes != 10:
        raise UserError(f"data.name={name}: has {records.num_classes} classes; digits are ten")
    images, labels = [], []
    for rows in chunks(len(records), f"reading {split}", progress):
        some, of = records.read(rows)
        images += some
        labels.append(of)
    shapes = {image.shape for image in images}
    if len(shapes) > 1 or next(iter(shapes))[2:] not in ((), (1,)):
        raise UserError(f"data.name={name}: its images are not grey and of one size; choose another dataset")
    pixels = np.stack(images).reshape(len(images), *next(iter(shapes))[:2])
    return pixels.astype(np.float32) / np.float32(records.max_intensity), np.concatenate(labels)
