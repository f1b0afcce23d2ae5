from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.corruption import corrupted
from experiments.errors import UserError

CLASSES = 5


def labels(size: int) -> np.ndarray:
    return (np.arange(size) % CLASSES).astype(np.int32)


def corrupt(size: int, *arguments: Any, **more: Any) -> tuple[np.ndarray, np.ndarray]:
    found = corrupted(lambda: labels(size), CLASSES, *arguments, **more)
    return (np.arange(size), labels(size)) if found is None else found


@given(st.integers(1, 300), st.floats(0, 1), st.integers(0, 2**40))
def test_as_many_labels_are_wrong_as_was_said(size: int, noise: float, seed: int) -> None:
    rows, noisy = corrupt(size, noise, seed=seed)
    np.testing.assert_array_equal(rows, np.arange(size))
    assert (noisy != labels(size)).sum() == round(noise * size)
    assert noisy.dtype == np.int32
    assert ((noisy >= 0) & (noisy < CLASSES)).all()


def test_wrong_labels_are_spread_over_all_other_classes() -> None:
    _, noisy = corrupt(4000, 0.5)
    shifts = (noisy - labels(4000)) % CLASSES
    assert np.bincount(shifts, minlength=CLASSES).tolist() == [2000, 500, 500, 500, 500]


def test_seeds_differ_and_repeat() -> None:
    first, again, other = (corrupt(200, 0.3, seed=seed)[1].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_rare_classes_lose_all_but_a_fraction() -> None:
    rows, kept = corrupt(500, rare_classes=(1, 4), rare_fraction=0.1)
    assert np.bincount(kept).tolist() == [100, 10, 100, 100, 10]
    np.testing.assert_array_equal(kept, rows % CLASSES)
    assert (np.diff(rows) > 0).all()
    _, least = corrupt(50, rare_classes=(2,), rare_fraction=0.001)
    assert np.bincount(least).tolist() == [10, 10, 1, 10, 10]


def test_labels_are_not_read_where_nothing_is_wrong() -> None:
    assert corrupted(lambda: pytest.fail("read"), CLASSES) is None


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
        corrupt(10, **arguments)
