"""Squeezing sets through a vector, and getting them back."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from matplotlib.figure import Figure

import diffsort
from experiments.data import Batch, PixelSets
from experiments.losses import Chamfer, SetLoss, SetPair
from experiments.plots import reconstructed_point_sets
from experiments.tasks.task import Arrays, Evaluation, Task


class Autoencoding(Task):
    """The points of a set from a vector of fixed length; the model is told how many there are.

    Judged by `chamfer`, the Chamfer distance to the set itself, whatever the loss.

    Source: Y. Zhang, J. Hare, A. Prügel-Bennett, FSPool, ICLR 2020, section 5.1.
    """

    kinds = (PixelSets,)
    loss_kind = SetLoss
    metric = "chamfer"
    better = "lower"

    def forward(self, model: Any, batch: Batch) -> Arrays:
        """Returns the points found, and the losses."""
        mask = batch["mask"]
        for_order, for_loss = jax.random.split(jax.random.wrap_key_data(batch["key"]))
        # Another order than row by row, in which pixels come and which a set does not know.
        order = diffsort.argsort(jax.random.uniform(for_order, mask.shape), where=mask)
        points = jnp.take_along_axis(batch["points"], order[..., None], -2)
        found = model(points, mask)
        return {"points": found, "losses": self.loss(SetPair(found, points, mask, mask), for_loss)}

    def predict(self, model: Any, batch: Batch) -> Arrays:
        """Adds the Chamfer distances."""
        made, mask = self.forward(model, batch), batch["mask"]
        pair = SetPair(made["points"], batch["points"], mask, mask)
        return {**made, "chamfer": Chamfer()(pair, jax.random.key(0))}

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Adds the mean of the Chamfer distances."""
        chamfer = of.predictions["chamfer"].mean()
        return {**super().metrics(of, validation), "chamfer": float(chamfer)}

    def picture(self, history: Sequence[Evaluation], test: Evaluation) -> Figure:
        """Draws a test example of each class above its reconstruction."""
        first = test.first_of_each_class()
        drawn = test.examples.take(first).arrays()
        given, found = (
            [points[mask] for points, mask in zip(sets, drawn["mask"], strict=True)]
            for sets in (drawn["points"], test.predictions["points"][first])
        )
        return reconstructed_point_sets(given, found)
