"""A shuffle that stays the same: over runs, machines and versions of NumPy."""

import numpy as np


def shuffled_indices(size: int, seed: int, stream: int) -> np.ndarray:
    """Returns the numbers from 0 up to `size` in an order that the arguments alone decide.

    The order is that of `size` random 64-bit words. NumPy keeps a bit generator's words the same for ever,
    which it promises for no method that draws from them, `permutation` included.

    Args:
        size: how many indices.
        seed: a non-negative integer.
        stream: another, which numbers the orders of a seed, one an epoch, say; they are independent.

    Returns:
        An int64 array of shape (size,).

    Raises:
        ValueError: `seed` or `stream` is negative.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(stream,))
    return np.argsort(np.random.PCG64(sequence).random_raw(size), kind="stable")
