"""Sets to pool."""

import numpy as np


def sets(seed: int = 0, shape: tuple[int, ...] = (4, 9, 3), ties: bool = False) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return np.round(x) if ties else x


def masks(seed: int = 1, shape: tuple[int, int] = (4, 9)) -> np.ndarray:
    """An empty set, a whole one, one of a single point, and others."""
    mask = np.random.default_rng(seed).random(shape) < 0.6
    mask[0], mask[1] = False, True
    mask[2] = np.arange(shape[-1]) == 4
    return mask


def everything(x: np.ndarray) -> np.ndarray:
    """The mask that hides nothing."""
    return np.ones(x.shape[:-1], bool)
