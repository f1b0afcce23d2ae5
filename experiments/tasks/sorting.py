"""Learning to put things in order from the order alone."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import diffsort
from experiments.data import Batch, NumberSets
from experiments.losses import RankingLoss
from experiments.plots import sorted_images
from experiments.tasks.task import Arrays, Evaluation, Task

_DRAWN = 8  # sets


class Sorting(Task):
    """A score for each image of a set, in the order of the numbers that the images show.

    Whatever the loss, a model is judged by the exact order of its scores: `exact_match`, the share of the
    sets that are put in order altogether; `element_accuracy`, the share of the ranks whose image is right;
    and `exact_match_5`, the exact match of sets of five, for which the images are regrouped: it compares
    models trained on sets of different sizes. Equal numbers may come in either order.

    Source: A. Grover, E. Wang, A. Zweig, S. Ermon, Stochastic Optimization of Sorting Networks via
    Continuous Relaxations, ICLR 2019, section 6.1.
    """

    kinds = (NumberSets,)
    loss_kind = RankingLoss
    metric = "exact_match"
    better = "higher"
    learns_unsorted = False

    def forward(self, model: Any, batch: Batch) -> Arrays:
        """Returns the scores and the losses."""
        scores = self._call(model, batch)
        return {"scores": scores, "losses": self.loss(scores, batch["numbers"])}

    def objective(self, model: Any, batch: Batch) -> tuple[jax.Array, Arrays]:
        """Returns the reduced loss, and the share of the batch's sets that are put in order."""
        made = self.forward(model, batch)
        found = jnp.take_along_axis(batch["numbers"], diffsort.argsort(made["scores"]), -1)
        in_order = jnp.all(found[:, 1:] >= found[:, :-1], -1)
        return self.reduction(made["losses"]), {"exact_match": jnp.mean(in_order.astype(jnp.float32))}

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Adds the metrics that the class describes."""
        scores, numbers = of.predictions["scores"], of.given["numbers"]
        right = right_ranks(scores, numbers)
        whole = numbers.size - numbers.size % 5
        fives = right_ranks(*(values.ravel()[:whole].reshape(-1, 5) for values in (scores, numbers)))
        return {
            **super().metrics(of, validation),
            "exact_match": float(right.all(-1).mean()),
            "element_accuracy": float(right.mean()),
            "exact_match_5": float(fives.all(-1).mean()),
        }

    def picture(self, history: Sequence[Evaluation], test: Evaluation) -> Figure:
        """Draws some test sets in the order of their scores."""
        scores, numbers = test.predictions["scores"][:_DRAWN], test.given["numbers"][:_DRAWN]
        order = np.argsort(scores, -1, kind="stable")
        images = test.examples.take(np.arange(len(scores))).arrays()["images"]
        found = np.take_along_axis(images, order[..., None, None], 1)
        return sorted_images(found, right_ranks(scores, numbers))


def right_ranks(scores: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Returns at which ranks (b, n) the order of the scores has the number that belongs there.

    >>> right_ranks(np.array([[0.1, 0.9, 0.5]]), np.array([[3, 7, 9]]))
    array([[ True, False, False]])
    """
    order = np.argsort(scores, -1, kind="stable")
    return np.take_along_axis(numbers, order, -1) == np.sort(numbers, -1)
