"""Losses between a set of predicted points and a set of given ones, (b, n, d) and (b, m, d).

All are called alike, whatever they need.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsort import losses
from diffsort.implementations import ImplementationLike
from experiments.losses.loss import Loss


class SetPair(NamedTuple):
    """Predicted and given points.

    Attributes:
        predictions: points, (b, n, d).
        targets: points, (b, m, d).
        where: mask of the predictions, (b, n).
        target_where: mask of the targets, (b, m).
        target_weights: weights of the targets, (b, m); equal ones if None.
    """

    predictions: jax.Array
    targets: jax.Array
    where: jax.Array | None = None
    target_where: jax.Array | None = None
    target_weights: jax.Array | None = None


class SetLoss(Loss):
    """A loss for each pair of sets."""

    @abstractmethod
    def __call__(self, sets: SetPair, key: jax.Array) -> jax.Array:
        """Returns the losses (b,); the key is for what is drawn at random."""


@dataclass
class SlicedWasserstein(SetLoss):
    """Sliced Wasserstein distance to the power p, along directions drawn anew at every step.

    Args:
        num_projections: how many directions.
        p: the power of distances.
        greatest: whether to take the direction of the greatest distance, not the mean over all.
        implementation: as in `diffsort.sort`.
    """

    num_projections: int
    p: float
    greatest: bool
    implementation: ImplementationLike

    def __call__(self, sets: SetPair, key: jax.Array) -> jax.Array:
        """Returns the distances along directions that the key decides."""
        projections = losses.random_projections(key, self.num_projections, sets.targets.shape[-1])
        distance = losses.max_sliced_wasserstein if self.greatest else losses.sliced_wasserstein
        return distance(
            **sets._asdict(), projections=projections, p=self.p, implementation=self.implementation
        )


class KernelEnergy(SetLoss):
    """Energy distance of points in space, over all pairs: a maximum mean discrepancy with the kernel −‖x−y‖.

    Sorts nothing and takes O((n + m)²).

    Source: G. Székely, M. Rizzo, Energy statistics, 2013.
    """

    def __call__(self, sets: SetPair, key: jax.Array) -> jax.Array:
        """Returns the energy distances."""
        x, y = sets.predictions, sets.targets
        p, q = _weights(x, sets.where, None), _weights(y, sets.target_where, sets.target_weights)

        def mean_distance(x: jax.Array, v: jax.Array, y: jax.Array, w: jax.Array) -> jax.Array:
            return jnp.einsum("...n,...nm,...m->...", v, jnp.sqrt(_squared_distances(x, y)), w)

        return 2 * mean_distance(x, p, y, q) - mean_distance(x, p, x, p) - mean_distance(y, q, y, q)


class Chamfer(SetLoss):
    """Mean squared distance of each point to the nearest of the other set, both ways. Ignores weights.

    Source: H. Fan, H. Su, L. Guibas, A point set generation network, 2017.
    """

    def __call__(self, sets: SetPair, key: jax.Array) -> jax.Array:
        """Returns the Chamfer distances."""
        squared = _squared_distances(sets.predictions, sets.targets)
        p = _weights(sets.predictions, sets.where, None)
        q = _weights(sets.targets, sets.target_where, None)
        to_target = jnp.min(jnp.where((q > 0)[:, None, :], squared, jnp.inf), -1)
        to_prediction = jnp.min(jnp.where((p > 0)[:, :, None], squared, jnp.inf), -2)
        return _mean(to_target, p) + _mean(to_prediction, q)


class Pairwise(SetLoss):
    """Mean squared distance of points that have the same place in their sets, which must be of one size."""

    def __call__(self, sets: SetPair, key: jax.Array) -> jax.Array:
        """Returns the mean squared distances."""
        squared = jnp.sum((sets.predictions - sets.targets) ** 2, -1)
        return _mean(squared, _weights(sets.targets, sets.where, sets.target_weights))


def _weights(points: jax.Array, where: jax.Array | None, weights: jax.Array | None) -> jax.Array:
    """Weights that sum to 1, 0 where masked; all 0 for an empty set."""
    w = jnp.ones(points.shape[:-1], points.dtype) if weights is None else weights
    if where is not None:
        w = jnp.where(where, w, 0)
    total = jnp.sum(w, -1, keepdims=True)
    return w / jnp.where(total > 0, total, 1)


def _mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    return jnp.sum(jnp.where(weights > 0, values, 0) * weights, -1)


def _squared_distances(x: jax.Array, y: jax.Array) -> jax.Array:
    """Squared distances of all pairs, (b, n, m), with a little added, so that a root has a derivative."""
    return jnp.sum((x[..., :, None, :] - y[..., None, :, :]) ** 2, -1) + 1e-12
