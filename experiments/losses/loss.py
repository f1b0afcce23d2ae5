"""What the losses have in common that are more than a function of scores and labels."""

from abc import ABC, abstractmethod
from typing import Any

import jax


class Loss(ABC):
    """A loss for each example that only some tasks can use: those that name its class."""

    @abstractmethod
    def __call__(self, *arguments: Any) -> jax.Array:
        """Returns the losses (b,)."""
