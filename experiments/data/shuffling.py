"""A shuffle that stays the same: over runs, machines and versions of NumPy."""

from __future__ import annotations

import numpy as np


def shuffled_indices(size: int, seed: int, stream: int) -> np.ndarray:
    """Returns the numbers from 0 up to ``size`` in an order that the arguments alone decide.

    The order is that of ``size`` random 64-bit words. NumPy keeps a bit generator's words the same
    for ever, which it promises for no method that draws from them, ``permutation`` included.

    Args:
        size: How many indices.
        seed: A non-negative integer.
        stream: Another, which gives each of a seed's orders (one an epoch, say) its number. Orders
            that differ in either have nothing to do with each other.

    Returns:
        An int64 array of shape ``(size,)``.

    Raises:
        ValueError: If ``seed`` or ``stream`` is negative.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(stream,))
    return np.argsort(np.random.PCG64(sequence).random_raw(size), kind="stable")
