"""What a split holds: arrays with an example a row, and which of them a model is called with."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np


@dataclass(frozen=True, eq=False)
class Examples:
    """Arrays of one length, an example a row. A subclass names them.

    Attributes:
        inputs: the names of those that a model is called with, in order.
    """

    inputs: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        shapes = {name: values.shape for name, values in self.arrays().items()}
        if len({shape[:1] for shape in shapes.values()}) != 1:
            raise ValueError(f"a row is an example, but the arrays have the shapes {shapes}")

    def __len__(self) -> int:
        return len(next(iter(self.arrays().values())))

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def take(self, which: np.ndarray | slice) -> Self:
        """Returns the examples that an index array or a slice picks."""
        return replace(self, **{name: values[which] for name, values in self.arrays().items()})

    def model_arguments(self) -> dict[str, Any]:
        """Returns what a model must know of its inputs, as arguments for its constructor."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class LabelledVectors(Examples):
    """Vectors in classes.

    Attributes:
        features: float32 ``(N, F)``.
        labels: int32 ``(N,)``: class numbers, from 0.
    """

    inputs: ClassVar[tuple[str, ...]] = ("features",)
    features: np.ndarray
    labels: np.ndarray

    def model_arguments(self) -> dict[str, Any]:
        """Returns how many features a vector has."""
        return {"num_features": self.features.shape[1]}


@dataclass(frozen=True, eq=False)
class Measurements(Examples):
    """Vectors with a number each, to be predicted.

    Attributes:
        features: float32 ``(N, F)``.
        targets: float32 ``(N,)``.
    """

    inputs: ClassVar[tuple[str, ...]] = ("features",)
    features: np.ndarray
    targets: np.ndarray

    def model_arguments(self) -> dict[str, Any]:
        """Returns how many features a vector has."""
        return {"num_features": self.features.shape[1]}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples of one kind, in three splits.

    Attributes:
        name: The dataset's name.
        num_classes: The labels are the integers from 0 to this, exclusive; None where there are none.
        train: The examples to train on.
        validation: Those to choose by.
        test: Those to report.
    """

    name: str
    num_classes: int | None
    train: Examples
    validation: Examples
    test: Examples
