"""Relaxed sorting networks, comparator by comparator, in NumPy: what they are held against.

The bitonic network is the textbook's, of blocks that ascend and descend in turn; diffsort's all ascend.
"""

from collections.abc import Iterator

import numpy as np


def sigmoid(v: float, activation: str) -> float:
    if activation == "logistic":
        return float(0.5 + 0.5 * np.tanh(v / 2))
    if activation == "cauchy":
        return float(0.5 + np.arctan(v) / np.pi)
    if abs(v) <= 0.25:
        return v + 0.5
    return 1 - 1 / (16 * v) if v > 0 else -1 / (16 * v)


def comparators(kind: str, n: int) -> Iterator[tuple[int, int]]:
    """The wires for the less and for the greater of each pair; `n` is a power of two if bitonic."""
    if kind == "odd_even":
        for layer in range(n):
            yield from ((i, i + 1) for i in range(layer % 2, n - 1, 2))
        return
    for stage in range(1, n.bit_length()):
        for bit in reversed(range(stage)):
            for i in range(n):
                if not i >> bit & 1:
                    pair = i, i | 1 << bit
                    yield pair if not i >> stage & 1 else pair[::-1]


def network(x: np.ndarray, kind: str, steepness: float, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the values of a row and the matrix P that makes them of it."""
    n = len(x)
    size = n if kind == "odd_even" else 1 << max(n - 1, 0).bit_length()
    values: list[float | None] = [*map(float, x), *[None] * (size - n)]  # None loses against all
    matrix = np.eye(size, n)
    for low, high in comparators(kind, size):
        a, b = values[low], values[high]
        if a is None or b is None:
            alpha = 0.0 if a is None else 1.0
            values[low], values[high] = (b, a) if a is None else (a, b)
        else:
            alpha = sigmoid(steepness * (b - a), activation)
            values[low], values[high] = alpha * a + (1 - alpha) * b, (1 - alpha) * a + alpha * b
        weights = np.array([[alpha, 1 - alpha], [1 - alpha, alpha]])
        matrix[[low, high]] = weights @ matrix[[low, high]]
    return np.array(values[:n], np.float64), matrix[:n]
