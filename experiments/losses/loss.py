"""Losses of scores, which are functions, and what all other losses have in common."""

from abc import ABC, abstractmethod
from typing import Any

import jax
import optax


class Loss(ABC):
    """A loss for each example that only some tasks can use: those that name its class."""

    @abstractmethod
    def __call__(self, *arguments: Any) -> jax.Array:
        """Returns the losses (b,)."""


def tempered_cross_entropy(scores: jax.Array, labels: jax.Array, *, temperature: float) -> jax.Array:
    """Returns the cross-entropy of scores (b, classes) times a factor, for labels (b,).

    A 1-Lipschitz network cannot make its scores large by itself.

    Args:
        scores: of the classes.
        labels: class numbers.
        temperature: the factor.

    Source: L. Béthune et al., Pay attention to your loss, NeurIPS 2022.
    """
    return optax.softmax_cross_entropy_with_integer_labels(temperature * scores, labels)
