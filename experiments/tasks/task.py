"""What a model is trained to do, and how well it does it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Literal, Self

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.data import Batch, Dataset, Examples, Split
from experiments.losses import Loss

Arrays = dict[str, jax.Array]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model made of a split.

    Attributes:
        step: after how many steps of training.
        predictions: what the task's `predict` returned, an example a row.
        given: the arrays of the split that the model was not called with, as its labels.
        examples: the split.
    """

    step: int
    predictions: dict[str, np.ndarray]
    given: dict[str, np.ndarray]
    examples: Split

    def first_of_each_class(self) -> np.ndarray:
        """Returns the rows of the first example of each class, for pictures."""
        return np.unique(self.given["labels"], return_index=True)[1]

    def in_brief(self) -> Self:
        """Returns the first example of each class alone: what a picture shows, and a history may keep."""
        rows = self.first_of_each_class() if "labels" in self.given else np.arange(0)
        predictions, given = (
            {name: values[rows] for name, values in arrays.items()}
            for arrays in (self.predictions, self.given)
        )
        return replace(self, predictions=predictions, given=given, examples=self.examples.take(rows))


@dataclass(eq=False)
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
        learns_unsorted: whether there is something to learn with every element left where it is.

    Raises:
        ValueError: the loss is of another kind.
    """

    kinds: ClassVar[tuple[type[Examples], ...]]
    loss_kind: ClassVar[type[Loss] | None]
    metric: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]]
    learns_unsorted: ClassVar[bool] = True

    _: KW_ONLY
    loss: Callable[..., jax.Array]
    reduction: Callable[[jax.Array], jax.Array]

    def __post_init__(self) -> None:
        if not (isinstance(self.loss, self.loss_kind) if self.loss_kind else not isinstance(self.loss, Loss)):
            raise ValueError("this loss is for another task; the configs in configs/loss say for which.")

    def model_arguments(self, data: Dataset) -> dict[str, Any]:
        """Returns what a model must know, as arguments for its constructor."""
        return data.train.model_arguments()

    @abstractmethod
    def forward(self, model: Any, batch: Batch) -> Arrays:
        """Returns what the model makes of a batch, arrays with an example a row; one is `losses`."""

    def objective(self, model: Any, batch: Batch) -> tuple[jax.Array, Arrays]:
        """Returns what training makes small, and numbers worth a line in the log."""
        return self.reduction(self.forward(model, batch)["losses"]), {}

    def predict(self, model: Any, batch: Batch) -> Arrays:
        """Returns what `metrics` needs of each example, arrays with an example a row."""
        return self.forward(model, batch)

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Returns numbers that say how good the predictions are.

        One is `loss`, the mean over the examples whatever the reduction; one is the task's `metric`.

        Args:
            of: the split to judge.
            validation: the validation split, at the same step, for what must be estimated on other data.
        """
        return {"loss": float(of.predictions["losses"].mean())}

    def picture(self, history: Sequence[Evaluation], test: Evaluation) -> Figure | None:
        """Draws what a model has learned, where there is something to see.

        Args:
            history: the validation split at every evaluation.
            test: the test split, at the end.
        """
        return None

    def _call(self, model: Any, batch: Batch) -> Any:
        """Returns what the model makes of the inputs of whichever kind of examples the batch holds."""
        kind = next(kind for kind in self.kinds if set(kind.inputs) <= batch.keys())
        return model(*(batch[name] for name in kind.inputs))
