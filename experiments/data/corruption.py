"""What may be wrong with training data: wrong labels, rare classes."""

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np

from experiments.data.shuffling import shuffled_indices
from experiments.errors import UserError

# Streams of shuffled_indices that no epoch reaches.
_WHICH, _BY, _KEPT = 2**40, 2**40 + 1, 2**40 + 2


class Corruption(TypedDict, total=False):
    """The settings of `corrupted`, for those who hand them on."""

    label_noise: float
    rare_classes: Sequence[int]
    rare_fraction: float
    seed: int


def corrupted(
    read_labels: Callable[[], np.ndarray],
    num_classes: int,
    label_noise: float = 0.0,
    rare_classes: Sequence[int] = (),
    rare_fraction: float = 0.1,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns which training examples are left, where classes are rare, and their labels, some of them wrong.

    Args:
        read_labels: returns the labels as they are, int32 (N,); not called if nothing is to be wrong.
        num_classes: how many classes there are.
        label_noise: the fraction of the examples whose label becomes another one, each of the others as often
            as the next: symmetric label noise.
        rare_classes: the classes to make rare, by their true labels.
        rare_fraction: what is kept of each of these, at least one example.
        seed: decides which labels and which examples.

    Returns:
        The rows that are kept, ascending, and a label for each; None for all of them as they are.

    Raises:
        UserError: a fraction or a class is out of range.
    """
    if not 0 <= label_noise <= 1:
        raise UserError(f"data.label_noise={label_noise}: must be between 0 and 1")
    if not 0 < rare_fraction <= 1:
        raise UserError(f"data.rare_fraction={rare_fraction}: must be above 0 and at most 1")
    for rare in rare_classes:
        if not isinstance(rare, int) or not 0 <= rare < num_classes:
            raise UserError(
                f"data.rare_classes: {rare!r} is no class; they are the numbers from 0 to {num_classes - 1}"
            )
    if not label_noise and not rare_classes:
        return None
    labels = read_labels()
    kept = np.ones(len(labels), bool)
    for rare in rare_classes:
        positions = np.flatnonzero(labels == rare)
        order = shuffled_indices(len(positions), seed, _KEPT + rare)
        kept[positions[order[max(1, round(rare_fraction * len(positions))) :]]] = False
    rows = np.flatnonzero(kept)
    labels = labels[rows]
    wrong = shuffled_indices(len(rows), seed, _WHICH)[: round(label_noise * len(rows))]
    # A random order modulo the number of other classes: no class is drawn more often than another by one.
    shift = 1 + shuffled_indices(len(wrong), seed, _BY) % max(1, num_classes - 1)
    labels[wrong] = (labels[wrong] + shift) % num_classes
    return rows, labels
