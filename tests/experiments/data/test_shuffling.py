from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.shuffling import drawn_indices, shuffled_indices

SEEDS = st.integers(0, 2**32)


@given(st.integers(0, 200), SEEDS, SEEDS)
def test_is_a_permutation(size: int, seed: int, stream: int) -> None:
    assert sorted(shuffled_indices(size, seed, stream).tolist()) == list(range(size))


def test_stays_the_same_for_ever() -> None:
    assert shuffled_indices(10, 0, 0).tolist() == [6, 3, 8, 1, 4, 5, 9, 2, 7, 0]
    assert shuffled_indices(10, 0, 0).dtype == np.int64


def test_seeds_and_streams_have_nothing_in_common() -> None:
    orders = {tuple(shuffled_indices(50, seed, stream).tolist()) for seed in range(8) for stream in range(8)}
    assert len(orders) == 64


def test_every_place_is_equally_likely() -> None:
    counts = np.zeros((4, 4))
    for stream in range(4000):
        counts[np.arange(4), shuffled_indices(4, 7, stream)] += 1
    # A binomial of 4000 trials at 1/4: five standard deviations are 137.
    np.testing.assert_allclose(counts, 1000, atol=137)


def test_what_is_drawn_stays_the_same_for_ever() -> None:
    drawn = drawn_indices((2, 4), 10, 0, 0)
    assert drawn.tolist() == [[2, 8, 7, 7], [3, 5, 4, 7]]
    assert drawn.dtype == np.int64


def test_what_is_drawn_is_uniform() -> None:
    counts = np.bincount(drawn_indices((40, 100), 4, 7, 0).ravel(), minlength=4)
    np.testing.assert_allclose(counts, 1000, atol=137)


def test_rejects_a_negative_seed() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        shuffled_indices(3, -1, 0)
