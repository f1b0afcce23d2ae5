"""Making sets of points that are distributed like the ink of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from diffsort.losses import random_projections, sliced_wasserstein
from experiments.data import Batch, Dataset, PixelSets
from experiments.losses import SetLoss, SetPair
from experiments.plots import point_sets_over_time
from experiments.tasks.task import Arrays, Evaluation, Task

_JUDGES = 128  # directions of the distance that models are judged by, the same for all


@dataclass(eq=False)
class Generation(Task):
    """A set of points for each class, from noise, close to every image of the class.

    An image is a distribution on the plane: its pixels, weighted by their intensity. What is nearest to all
    images of a class on average is their barycenter in the distance of the loss.

    Judged by `distance`, the sliced Wasserstein distance of a generated set to an image of its class, in
    units of half the image's side, whatever the loss; and by `accuracy`, with which the nearest of the
    generated sets tells an image's class.

    Args:
        num_points: how many points to generate.
        num_latents: dimensions of the noise that a point is made of.
        loss: called with generated points (b, num_points, 2) and an image's, masks and weights, and a key.
        reduction: makes one number of the losses of a batch.

    Source: N. Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, 2015; I. Deshpande,
    Z. Zhang, A. Schwing, Generative modeling using the sliced Wasserstein distance, 2018.
    """

    kinds = (PixelSets,)
    loss_kind = SetLoss
    metric = "distance"
    better = "lower"

    num_points: int
    num_latents: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("num_points", "num_latents"):
            if getattr(self, name) < 1:
                raise ValueError(f"task.{name}={getattr(self, name)} must be at least 1.")

    def model_arguments(self, data: Dataset) -> dict[str, Any]:
        """Returns the size of the noise, the classes, and two coordinates as outputs."""
        return {"num_latents": self.num_latents, "num_classes": data.num_classes, "num_outputs": 2}

    def forward(self, model: Any, batch: Batch) -> Arrays:
        """Returns the losses, of noise and of directions drawn anew."""
        return {"losses": self._losses(model, batch, jax.random.wrap_key_data(batch["key"]))}

    def predict(self, model: Any, batch: Batch) -> Arrays:
        """Returns each image's distances to the sets of all classes, the set of its own, and the loss."""
        key = jax.random.key(0)  # the same noise and directions for every example and every model
        positions, weights = _ink(batch)
        classes = jnp.arange(model.num_classes)
        noise = jax.random.normal(key, (1, self.num_points, self.num_latents))
        generated = model(jnp.broadcast_to(noise, (len(classes), *noise.shape[1:])), classes)
        projections = random_projections(key, _JUDGES, 2)

        def distances(points: jax.Array) -> jax.Array:
            """Squared distances of all images to one generated set, which is sorted but once."""

            def distance(positions: jax.Array, mask: jax.Array, weights: jax.Array) -> jax.Array:
                return sliced_wasserstein(
                    points, positions, projections, 2.0, target_where=mask, target_weights=weights
                )

            return jax.vmap(distance)(positions, batch["mask"], weights)

        return {
            "distances": jnp.sqrt(jax.lax.map(distances, generated)).T,
            "generated": generated[batch["labels"]],
            "losses": self._losses(model, batch, key),
        }

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Adds the metrics that the class describes."""
        labels, distances = of.given["labels"], of.predictions["distances"]
        return {
            **super().metrics(of, validation),
            "distance": float(np.take_along_axis(distances, labels[:, None], -1).mean()),
            "accuracy": float((distances.argmin(-1) == labels).mean()),
        }

    def picture(self, history: Sequence[Evaluation], test: Evaluation) -> Figure:
        """Draws the sets of all classes at several moments of the training."""
        return point_sets_over_time(
            [(of.step, of.predictions["generated"][of.first_of_each_class()]) for of in history]
        )

    def _losses(self, model: Any, batch: Batch, key: jax.Array) -> jax.Array:
        for_noise, for_loss = jax.random.split(key)
        shape = (len(batch["labels"]), self.num_points, self.num_latents)
        generated = model(jax.random.normal(for_noise, shape), batch["labels"])
        positions, weights = _ink(batch)
        sets = SetPair(generated, positions, target_where=batch["mask"], target_weights=weights)
        return self.loss(sets, for_loss)


def _ink(batch: Batch) -> tuple[jax.Array, jax.Array]:
    """Positions of the pixels, (b, n, 2), and their total intensities, (b, n)."""
    return batch["points"][..., :2], jnp.sum(batch["points"][..., 2:], -1)
