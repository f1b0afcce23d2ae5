from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data import LabelledVectors
from experiments.data.corruption import corrupted
from experiments.errors import UserError

CLASSES = 5


def numbered(size: int) -> LabelledVectors:
    numbers = np.arange(size)
    return LabelledVectors(numbers[:, None].astype(np.float32), (numbers % CLASSES).astype(np.int32))


def true_labels(examples: LabelledVectors) -> np.ndarray:
    return examples.features[:, 0].astype(int) % CLASSES


@given(st.integers(1, 300), st.floats(0, 1), st.integers(0, 2**40))
def test_as_many_labels_are_wrong_as_was_said(size: int, noise: float, seed: int) -> None:
    examples = numbered(size)
    noisy = corrupted(examples, CLASSES, noise, seed=seed)
    np.testing.assert_array_equal(noisy.features, examples.features)
    wrong = noisy.labels != examples.labels
    assert wrong.sum() == round(noise * size)
    assert noisy.labels.dtype == np.int32
    assert ((noisy.labels >= 0) & (noisy.labels < CLASSES)).all()


def test_wrong_labels_are_spread_over_all_other_classes() -> None:
    noisy = corrupted(numbered(4000), CLASSES, 0.5)
    shifts = (noisy.labels - true_labels(noisy)) % CLASSES
    assert np.bincount(shifts, minlength=CLASSES).tolist() == [2000, 500, 500, 500, 500]


def test_seeds_differ_and_repeat() -> None:
    labels = [corrupted(numbered(200), CLASSES, 0.3, seed=seed).labels.tolist() for seed in (0, 0, 1)]
    assert labels[0] == labels[1] != labels[2]


def test_rare_classes_lose_all_but_a_fraction() -> None:
    kept = corrupted(numbered(500), CLASSES, rare_classes=(1, 4), rare_fraction=0.1)
    assert np.bincount(kept.labels).tolist() == [100, 10, 100, 100, 10]
    np.testing.assert_array_equal(kept.labels, true_labels(kept))
    assert (np.diff(kept.features[:, 0]) > 0).all()
    least = corrupted(numbered(50), CLASSES, rare_classes=(2,), rare_fraction=0.001)
    assert np.bincount(least.labels).tolist() == [10, 10, 1, 10, 10]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_noise": -0.1}, "label_noise=-0.1: must be between 0 and 1"),
        ({"rare_fraction": 0.0}, "rare_fraction=0.0: must be above 0"),
        ({"rare_classes": [5]}, "5 is no class; they are the numbers from 0 to 4"),
        ({"rare_classes": ["a"]}, "'a' is no class"),
    ],
)
def test_mistakes_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        corrupted(numbered(10), CLASSES, **arguments)
