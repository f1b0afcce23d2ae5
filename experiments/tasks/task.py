"""What a model is trained to do, and how well it does it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.data import Dataset, Examples
from experiments.losses.heads import Head
from experiments.losses.sets import SetLoss

Batch = Mapping[str, Any]
Metrics = dict[str, jax.Array]
Predictions = dict[str, np.ndarray]
Reduction = Callable[[jax.Array], jax.Array]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model made of a split.

    Attributes:
        step: after how many steps of training.
        predictions: what the task's `predict` returned, an example a row.
        examples: the split.
    """

    step: int
    predictions: Predictions
    examples: Examples


class Task(ABC):
    """A kind of training, with a loss of choice.

    Args:
        loss: a loss for each example, of the kind that the task can use.
        reduction: makes one number of the losses of a batch.

    Attributes:
        kinds: the kinds of examples that it can use.
        loss_kind: the class of its losses; None for functions of predictions and labels.
        metric: the name of the number that says how good a model is.
        better: whether more of it is better, or less.

    Raises:
        ValueError: the loss is of another kind.
    """

    kinds: ClassVar[tuple[type[Examples], ...]]
    loss_kind: ClassVar[type | None]
    metric: str
    better: Literal["higher", "lower"]

    def __init__(self, *, loss: Callable[..., jax.Array], reduction: Reduction) -> None:
        kinds = tuple(kind for kind in (Head, SetLoss) if isinstance(loss, kind))
        if kinds != (() if self.loss_kind is None else (self.loss_kind,)):
            raise ValueError("this loss is for another task; the configs in configs/loss say for which.")
        self.loss = loss
        self.reduction = reduction

    @abstractmethod
    def model_arguments(self, data: Dataset) -> dict[str, Any]:
        """Returns what a model must know, as arguments for its constructor."""

    @abstractmethod
    def objective(self, model: Any, batch: Batch) -> tuple[jax.Array, Metrics]:
        """Returns what training makes small, and numbers worth a line in the log."""

    @abstractmethod
    def predict(self, model: Any, batch: Batch) -> Metrics:
        """Returns what `metrics` needs of each example, arrays with an example a row."""

    @abstractmethod
    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Returns numbers that say how good the predictions are.

        One is `loss`, the mean over the examples whatever the reduction; one is the task's `metric`.

        Args:
            of: the split to judge.
            validation: the validation split, at the same step, for what must be estimated on other data.
        """

    def picture(self, history: Sequence[Evaluation], test: Evaluation) -> Figure | None:
        """Draws what a model has learned, where there is something to see.

        Args:
            history: the validation split at every evaluation.
            test: the test split, at the end.
        """
        del history, test
        return None


def call(model: Any, batch: Batch, kinds: tuple[type[Examples], ...]) -> Any:
    """Returns what the model makes of a batch of one of these kinds of examples."""
    kind = next(kind for kind in kinds if set(kind.inputs) <= batch.keys())
    return model(*(batch[name] for name in kind.inputs))
