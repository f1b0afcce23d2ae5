"""Losses of a predicted distribution: each says what a model's outputs mean, and how to train them."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.special import ndtri

from diffsort.implementations import ImplementationLike
from diffsort.losses import crps_ensemble, quantile_loss
from experiments.losses.loss import Loss

Known = tuple[np.ndarray, np.ndarray]


class Head(Loss):
    """A loss per example that can tell the quantiles it has trained.

    Attributes:
        num_outputs: how many numbers a model must give.
    """

    num_outputs: int

    @abstractmethod
    def __call__(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """Returns the losses (b,) of outputs (b, num_outputs) for targets (b,)."""

    @abstractmethod
    def quantiles(self, outputs: np.ndarray, levels: np.ndarray, known: Known) -> np.ndarray:
        """Returns the predicted quantiles (b, levels).

        Args:
            outputs: of the model, (b, num_outputs).
            levels: probabilities between 0 and 1.
            known: outputs and targets of other data, for what must be estimated.
        """


class Quantiles(Head):
    """Quantiles at given levels, by the pinball loss. Between them quantiles are linear.

    Levels are learned each by itself, so predicted quantiles may cross; they are put in order, as in
    V. Chernozhukov, I. Fernández-Val, A. Galichon, Quantile and probability curves without crossing, 2010.

    Args:
        levels: probabilities between 0 and 1, ascending.
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self.levels = np.asarray(levels, np.float32)
        self.num_outputs = len(self.levels)

    def __call__(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """Returns the mean pinball loss over the levels."""
        return quantile_loss(outputs, targets, self.levels)

    def quantiles(self, outputs: np.ndarray, levels: np.ndarray, known: Known) -> np.ndarray:
        """Interpolates between the predicted quantiles, put in order."""
        return np.stack([np.interp(levels, self.levels, row) for row in np.sort(outputs, -1)])


@dataclass
class Ensemble(Head):
    """Members of an ensemble, by the continuous ranked probability score.

    Args:
        members: how many.
        fair: whether to score what an endless ensemble would get (Ferro 2014), or how much to: from 0 to 1,
            as 0.95 in AIFS-CRPS (Lang et al. 2024).
        implementation: as in `diffsort.sort`.
    """

    members: int
    fair: float
    implementation: ImplementationLike

    def __post_init__(self) -> None:
        self.num_outputs = self.members

    def __call__(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """Returns the score of the ensemble."""
        return crps_ensemble(outputs, targets, fair=self.fair, implementation=self.implementation)

    def quantiles(self, outputs: np.ndarray, levels: np.ndarray, known: Known) -> np.ndarray:
        """Interpolates between the members, at the levels where the score puts them.

        Those of m members are (k + ½)/m for the plain score and k/(m − 1) for the fair one, which expects
        members drawn at random and sends the first and the last of others as far out as it can. Those of a
        mixture lie in between: where k members below and m − 1 − k above pull equally.
        """
        m = self.members
        plain = (1 - self.fair) / m**2  # the pull of the observation alone
        pairs = plain + self.fair / (m * max(m - 1, 1))
        at = (plain / 2 + pairs * np.arange(m)) / (plain + pairs * (m - 1) or 1)
        return np.stack([np.interp(levels, at, row) for row in np.sort(outputs, -1)])


class SquaredError(Head):
    """The mean, by the squared error; around it a normal distribution as wide as its errors elsewhere."""

    num_outputs = 1

    def __call__(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """Returns the squared error."""
        return optax.squared_error(outputs[:, 0], targets)

    def quantiles(self, outputs: np.ndarray, levels: np.ndarray, known: Known) -> np.ndarray:
        """Returns those of a normal distribution around the output."""
        known_outputs, targets = known
        return outputs + np.sqrt(np.mean((targets - known_outputs[:, 0]) ** 2)) * ndtri(levels)


class Gaussian(Head):
    """Mean and logarithm of the standard deviation of a normal distribution, by its likelihood."""

    num_outputs = 2

    def __call__(self, outputs: jax.Array, targets: jax.Array) -> jax.Array:
        """Returns the negative log-likelihood, up to a constant."""
        mean, log_deviation = outputs[:, 0], outputs[:, 1]
        return log_deviation + 0.5 * ((targets - mean) * jnp.exp(-log_deviation)) ** 2

    def quantiles(self, outputs: np.ndarray, levels: np.ndarray, known: Known) -> np.ndarray:
        """Returns those of the predicted normal distribution."""
        return outputs[:, :1] + np.exp(outputs[:, 1:]) * ndtri(levels)
