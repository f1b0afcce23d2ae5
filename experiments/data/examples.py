"""What a split holds: arrays with an example a row, and which of them a model is called with."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from experiments.errors import UserError

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Examples:
    """Arrays of one length, an example a row. A subclass names them.

    Attributes:
        inputs: the names of those of a batch that a model is called with, in order.
        shared: the names of attributes that are of all examples together, without a row for each.
    """

    inputs: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        shapes = {name: values.shape for name, values in self.arrays().items()}
        if len({shape[:1] for shape in shapes.values()}) != 1:
            raise ValueError(f"a row is an example, but the arrays have the shapes {shapes}")

    def __len__(self) -> int:
        return len(next(iter(self.arrays().values())))

    @property
    def kind(self) -> "type[Examples]":
        """The class of the examples."""
        return type(self)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays by name."""
        return {of.name: getattr(self, of.name) for of in fields(self) if of.name not in self.shared}

    def as_batch(self, size: int) -> dict[str, np.ndarray]:
        """Returns the arrays of a batch of so many examples; those that are missing are 0."""
        return {name: _padded(values, size) for name, values in self.arrays().items()}

    def take(self, which: np.ndarray | slice) -> Self:
        """Returns the examples that an index array or a slice picks."""
        return replace(self, **{name: values[which] for name, values in self.arrays().items()})

    def model_arguments(self) -> dict[str, Any]:
        """Returns what a model must know of its inputs, as arguments for its constructor."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class PointSets(Examples):
    """Point sets in classes, zero-padded to one size.

    Attributes:
        points: float32 (N, max_points, C): coordinates, and what else a point has; zero where there is none.
        mask: bool (N, max_points): where there is a point.
        labels: int32 (N,): class numbers, from 0.
    """

    inputs = ("points", "mask")
    points: np.ndarray
    mask: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask.shape != self.points.shape[:2]:
            raise ValueError(f"a mask {self.mask.shape} does not fit points {self.points.shape}")

    def model_arguments(self) -> dict[str, Any]:
        """Returns how many features a point has, and how many points a padded set."""
        _, num_points, channels = self.points.shape
        return {"channels": channels, "num_points": num_points}


@dataclass(frozen=True, eq=False)
class RaggedSets(PointSets):
    """Point sets whose batches hold the points of all sets one after the other, without padding each.

    Of a batch, `points` is float32 (P, C) and `sizes` int32 (b,): how many of them each set has. What follows
    the last set is 0. P is the number of points of the b largest sets there are, so that every batch fits.

    Attributes:
        most: how many points 0, 1, 2, … sets have at most.
    """

    inputs = ("points", "sizes")
    shared = ("most",)
    most: np.ndarray

    def as_batch(self, size: int) -> dict[str, np.ndarray]:
        """Returns the arrays of a batch of so many sets; those that are missing have no points."""
        sizes = np.count_nonzero(self.mask, 1).astype(np.int32)
        total = int(self.most[min(size, len(self.most) - 1)])
        return {
            "points": _padded(self.points[self.mask], total),
            "sizes": _padded(sizes, size),
            "labels": _padded(self.labels, size),
        }

    def model_arguments(self) -> dict[str, Any]:
        """Adds that sets are not padded."""
        return {**super().model_arguments(), "ragged": True}


def most_points(sizes: np.ndarray) -> np.ndarray:
    """Returns how many points 0, 1, 2, … sets of these sizes have at most.

    >>> most_points(np.array([2, 5, 3]))
    array([ 0,  5,  8, 10])
    """
    return np.concatenate([[0], np.cumsum(np.sort(sizes)[::-1])])


def _padded(values: np.ndarray, size: int) -> np.ndarray:
    return np.pad(values, [(0, size - len(values)), *[(0, 0)] * (values.ndim - 1)])


class PixelSets(PointSets):
    """Point sets of images: `points` holds row and column in [-1, 1], then the intensities in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Vectors(Examples):
    """Vectors; a subclass says what belongs to each.

    Attributes:
        features: float32 (N, F).
    """

    inputs = ("features",)
    features: np.ndarray

    def model_arguments(self) -> dict[str, Any]:
        """Returns how many features a vector has."""
        return {"num_features": self.features.shape[1]}


@dataclass(frozen=True, eq=False)
class LabelledVectors(Vectors):
    """Vectors in classes.

    Attributes:
        labels: int32 (N,): class numbers, from 0.
    """

    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Measurements(Vectors):
    """Vectors with a number each, to be predicted.

    Attributes:
        targets: float32 (N,).
    """

    targets: np.ndarray


@dataclass(frozen=True, eq=False)
class NumberSets(Examples):
    """Sets of images of numbers, to be put in the order of the numbers.

    Attributes:
        images: float32 (N, n, height, width), intensities in [0, 1].
        numbers: int32 (N, n): what the images show.
    """

    inputs = ("images",)
    images: np.ndarray
    numbers: np.ndarray

    def model_arguments(self) -> dict[str, Any]:
        """Returns the size of an image."""
        height, width = self.images.shape[2:]
        return {"height": height, "width": width}


class Split(Protocol):
    """Examples of one kind, in memory or on disk."""

    @property
    def kind(self) -> type[Examples]:
        """The class of the examples."""

    def __len__(self) -> int: ...

    def take(self, which: np.ndarray) -> Examples:
        """Returns the examples of some rows, in memory."""

    def model_arguments(self) -> dict[str, Any]:
        """Returns what a model must know of its inputs, as arguments for its constructor."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples of one kind, in three splits.

    Attributes:
        name: the dataset's name.
        num_classes: labels are the integers from 0 to this, exclusive; None where there are none.
        train: the examples to train on.
        validation: those to choose by.
        test: those to report.

    Raises:
        UserError: a number in memory is NaN or infinite.
    """

    name: str
    num_classes: int | None
    train: Split
    validation: Split
    test: Split

    def __post_init__(self) -> None:
        for split in SPLITS:
            examples = getattr(self, split)
            if isinstance(examples, Examples):  # what is on disk looks when it is read
                check_finite(examples, self.name, split, range(len(examples)))


def check_finite(examples: Examples, name: str, split: str, rows: Sequence[int] | np.ndarray) -> None:
    """Looks for NaN and infinity.

    Args:
        examples: what to look at.
        name: of the dataset.
        split: the name of the split that they are from.
        rows: which rows of it they are.

    Raises:
        UserError: a number is NaN or infinite.
    """
    for array, values in examples.arrays().items():
        finite = np.isfinite(values).all(tuple(range(1, values.ndim)))
        if not finite.all():
            raise UserError(
                f"data.name={name}: the {array} of row {rows[finite.argmin()]} of {split} are not all "
                "finite (rows count from 0); mend the row or leave it out"
            )
