"""Squeezing sets through a vector, and getting them back."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import diffsort
from experiments.data import Dataset, PointSets
from experiments.losses.sets import Chamfer, SetLoss, SetPair
from experiments.plots import reconstructed_point_sets
from experiments.tasks.task import Batch, Evaluation, Metrics, Task


class Autoencoding(Task):
    """The points of a set from a vector of fixed length; the model is told how many there are.

    Judged by `chamfer`, the Chamfer distance to the set itself, whatever the loss.

    Source: Y. Zhang, J. Hare, A. Prügel-Bennett, FSPool, ICLR 2020, section 5.1.
    """

    kinds = (PointSets,)
    loss_kind = SetLoss
    metric = "chamfer"
    better = "lower"
    loss: SetLoss

    def model_arguments(self, data: Dataset) -> dict[str, Any]:
        """Returns the features of a point, and the size of the padded sets."""
        return {**data.train.model_arguments(), "num_points": data.train.arrays()["mask"].shape[1]}

    def objective(self, model: Any, batch: Batch) -> tuple[jax.Array, Metrics]:
        """Returns the reduced loss."""
        _, losses = self._reconstructed(model, batch)
        return self.reduction(losses), {}

    def predict(self, model: Any, batch: Batch) -> Metrics:
        """Returns the points found, the losses, and the Chamfer distances."""
        points, losses = self._reconstructed(model, batch)
        mask, key = batch["mask"], jax.random.key(0)
        chamfer = Chamfer()(SetPair(points, batch["points"], mask, mask), key)
        return {"points": points, "losses": losses, "chamfer": chamfer}

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Returns the means of the losses and of the Chamfer distances."""
        return {
            "loss": float(of.predictions["losses"].mean()),
            "chamfer": float(of.predictions["chamfer"].mean()),
        }

    def picture(self, history: Sequence[Evaluation], test: Evaluation) -> Figure:
        """Draws a test example of each class above its reconstruction."""
        arrays = test.examples.arrays()
        _, first = np.unique(arrays["labels"], return_index=True)
        mask = arrays["mask"][first]
        given, found = arrays["points"][first], test.predictions["points"][first]
        return reconstructed_point_sets(
            [points[kept] for points, kept in zip(given, mask, strict=True)],
            [points[kept] for points, kept in zip(found, mask, strict=True)],
        )

    def _reconstructed(self, model: Any, batch: Batch) -> tuple[jax.Array, jax.Array]:
        mask = batch["mask"]
        for_order, for_loss = jax.random.split(jax.random.wrap_key_data(batch["key"]))
        points = _shuffled(batch["points"], mask, for_order)
        found = model(points, mask)
        return found, self.loss(SetPair(found, points, mask, mask), for_loss)


def _shuffled(points: jax.Array, mask: jax.Array, key: jax.Array) -> jax.Array:
    """The points of each set in another order: pixels come row by row, which a set does not know."""
    order = diffsort.argsort(jax.random.uniform(key, mask.shape), where=mask)
    return jnp.take_along_axis(points, order[..., None], -2)
