"""Telling classes apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.data import Batch, Dataset, Examples, LabelledVectors, PointSets, RaggedSets
from experiments.plots import certified_accuracy_curve
from experiments.tasks.task import Arrays, Evaluation, Task


class Classification(Task):
    """Scores for each class, of which the greatest decides.

    The loss is called with scores (b, classes) and labels (b,).
    """

    kinds: ClassVar[tuple[type[Examples], ...]] = (PointSets, RaggedSets, LabelledVectors)
    loss_kind = None
    metric = "accuracy"
    better = "higher"

    def model_arguments(self, data: Dataset) -> dict[str, Any]:
        """Returns the features of an input, and a score a class as outputs."""
        return {**super().model_arguments(data), "num_outputs": data.num_classes}

    def forward(self, model: Any, batch: Batch) -> Arrays:
        """Returns the scores and the losses."""
        scores = self._call(model, batch)
        return {"scores": scores, "losses": self.loss(scores, batch["labels"])}

    def objective(self, model: Any, batch: Batch) -> tuple[jax.Array, Arrays]:
        """Returns the reduced loss, and the accuracy of the batch."""
        made = self.forward(model, batch)
        correct = jnp.argmax(made["scores"], -1) == batch["labels"]
        return self.reduction(made["losses"]), {"accuracy": jnp.mean(correct.astype(jnp.float32))}

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Adds the accuracy, and that in the class where it is lowest."""
        labels = of.given["labels"]
        correct = of.predictions["scores"].argmax(-1) == labels
        return {
            **super().metrics(of, validation),
            "accuracy": float(correct.mean()),
            "worst_class_accuracy": min(float(correct[labels == label].mean()) for label in set(labels)),
        }


@dataclass(eq=False)
class TopKClassification(Classification):
    """Classification that is also judged by whether the right class is among those of the greatest scores.

    That is `top_k_accuracy`; of equal scores the first count.

    Args:
        k: how many scores.
        loss: as in Classification.
        reduction: as in Classification.
    """

    k: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 1:
            raise ValueError(f"task.k={self.k} must be at least 1.")

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Adds the share of the examples whose class is among the k of the greatest scores."""
        greatest = np.argsort(-of.predictions["scores"], -1, kind="stable")[:, : self.k]
        among = (greatest == of.given["labels"][:, None]).any(-1)
        return {**super().metrics(of, validation), "top_k_accuracy": float(among.mean())}


@dataclass(eq=False)
class CertifiedClassification(Classification):
    """Classification by a model whose scores are a 1-Lipschitz function of the input.

    No change of the input that is shorter than the margin (the greatest score less the second) divided by
    √2 can change the decision: a difference of two scores is √2-Lipschitz. That is so in exact arithmetic.
    In float32 each orthogonal layer has a norm of at most 1 + 10⁻⁶, and scores are rounded as much; neither
    is subtracted from a radius.

    Args:
        radius: of the balls around the inputs in which `certified_accuracy` counts, in the units of the
            input, Euclidean.
        loss: as in Classification.
        reduction: as in Classification.

    Source: C. Anil, J. Lucas, R. Grosse, Sorting out Lipschitz function approximation, ICML 2019.
    """

    kinds = (LabelledVectors,)
    metric = "certified_accuracy"

    radius: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.radius < 0:
            raise ValueError(f"task.radius={self.radius} must not be negative.")

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Adds the share of the inputs certified at the radius, and the median of the certified radii."""
        radii = certified_radii(of)
        return {
            **super().metrics(of, validation),
            "certified_accuracy": float((radii > self.radius).mean()),
            "median_certified_radius": float(np.median(radii)),
        }

    def picture(self, history: Sequence[Evaluation], test: Evaluation) -> Figure:
        """Draws the share of certified inputs against the radius."""
        return certified_accuracy_curve(certified_radii(test), self.radius)


def certified_radii(of: Evaluation) -> np.ndarray:
    """Returns how far each input may move without a wrong decision; 0 where that is wrong already.

    Scores that are not all finite certify nothing: 0 too.
    """
    scores, labels = of.predictions["scores"], of.given["labels"]
    scores = np.where(np.isfinite(scores).all(-1, keepdims=True), scores, 0)
    right = np.take_along_axis(scores, labels[:, None], -1)[:, 0]
    others = np.where(np.arange(scores.shape[-1]) == labels[:, None], -np.inf, scores).max(-1)
    return np.maximum(right - others, 0) / np.sqrt(2)
