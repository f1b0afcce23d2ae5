"""Randomness that stays the same: over runs, machines and versions of NumPy."""

import math

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
    return np.argsort(_words(size, seed, stream), kind="stable")


def drawn_indices(shape: tuple[int, ...], below: int, seed: int, stream: int) -> np.ndarray:
    """Returns numbers from 0 up to `below`, drawn independently with replacement, int64.

    Args:
        shape: of the result.
        below: how many numbers there are to draw from; at least 1.
        seed: a non-negative integer.
        stream: another; those of a seed are independent, and so are `shuffled_indices` of other streams.
    """
    words = _words(math.prod(shape), seed, stream) % np.uint64(below)
    return words.astype(np.int64).reshape(shape)


def _words(size: int, seed: int, stream: int) -> np.ndarray:
    sequence = np.random.SeedSequence(seed, spawn_key=(stream,))
    return np.asarray(np.random.PCG64(sequence).random_raw(size))
