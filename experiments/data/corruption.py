"""What may be wrong with training data: wrong labels, rare classes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict, TypeVar

import numpy as np

from experiments.data.examples import LabelledVectors, PointSets
from experiments.data.shuffling import shuffled_indices
from experiments.errors import UserError

Labelled = TypeVar("Labelled", PointSets, LabelledVectors)

# Streams of shuffled_indices that no epoch reaches.
_WHICH, _BY, _KEPT = 2**40, 2**40 + 1, 2**40 + 2


class Corruption(TypedDict, total=False):
    """The settings of `corrupted`, for those who hand them on."""

    label_noise: float
    rare_classes: Sequence[int]
    rare_fraction: float
    seed: int


def corrupted(
    examples: Labelled,
    num_classes: int,
    label_noise: float = 0.0,
    rare_classes: Sequence[int] = (),
    rare_fraction: float = 0.1,
    seed: int = 0,
) -> Labelled:
    """Returns training examples with wrong labels, and with less of some classes.

    Args:
        examples: the examples as they are.
        num_classes: how many classes there are.
        label_noise: the fraction of the examples whose label becomes another one, each of the others as often
            as the next: symmetric label noise.
        rare_classes: the classes to make rare, by their true labels.
        rare_fraction: what is kept of each of these, at least one example.
        seed: decides which labels and which examples.

    Raises:
        UserError: a fraction or a class is out of range.
    """
    if not 0 <= label_noise <= 1:
        raise UserError(f"data.label_noise={label_noise}: must be between 0 and 1")
    if not 0 < rare_fraction <= 1:
        raise UserError(f"data.rare_fraction={rare_fraction}: must be above 0 and at most 1")
    kept = np.ones(len(examples), bool)
    for rare in rare_classes:
        if not isinstance(rare, int) or not 0 <= rare < num_classes:
            raise UserError(
                f"data.rare_classes: {rare!r} is no class; they are the numbers from 0 to {num_classes - 1}"
            )
        positions = np.flatnonzero(examples.labels == rare)
        order = shuffled_indices(len(positions), seed, _KEPT + rare)
        kept[positions[order[max(1, round(rare_fraction * len(positions))) :]]] = False
    examples = examples.take(np.flatnonzero(kept))
    wrong = shuffled_indices(len(examples), seed, _WHICH)[: round(label_noise * len(examples))]
    labels = examples.labels.copy()
    # A random order modulo the number of other classes: no class is drawn more often than another by one.
    shift = 1 + shuffled_indices(len(wrong), seed, _BY) % max(1, num_classes - 1)
    labels[wrong] = (labels[wrong] + shift) % num_classes
    return replace(examples, labels=labels)
