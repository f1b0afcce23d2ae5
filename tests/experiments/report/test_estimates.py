import numpy as np
import pytest

from experiments.report.estimates import mean_estimate, paired_differences, ratio_estimate


def test_interval_of_three_seeds_worked_by_hand():
    """Of the 27 resamples one holds the least value alone: over 2.5%, so the ends are least and greatest."""
    estimate = mean_estimate([0.90, 0.92, 0.97])
    assert estimate.mean == pytest.approx(0.93)
    assert (estimate.low, estimate.high) == (pytest.approx(0.90), pytest.approx(0.97))


def test_interval_of_four_seeds_worked_by_hand():
    """Of 256 resamples 1 has the sum 0 and 4 have 1, in all less than 2.5%; 6 have 2. Likewise from above."""
    estimate = mean_estimate([0.0, 1.0, 10.0, 100.0])
    assert estimate.low == pytest.approx(2 / 4)
    assert estimate.high == pytest.approx(301 / 4)


def test_a_mean_lies_in_its_interval_which_narrows_with_more_values():
    values = np.random.default_rng(0).normal(size=400)
    few, many = mean_estimate(values[:20]), mean_estimate(values)
    assert few.low < few.mean < few.high
    error = 1.96 * values.std() / 20  # by the normal distribution, which 400 values come near to
    assert many.high - many.low == pytest.approx(2 * error, rel=0.05)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5, 0.5]])
def test_values_without_spread(values):
    estimate = mean_estimate(values)
    assert (estimate.mean, estimate.count) == (0.5, len(values))
    assert (estimate.low, estimate.high) == ((None, None) if len(values) == 1 else (0.5, 0.5))


def test_no_values_have_no_mean():
    assert mean_estimate([]) is None


def test_differences_are_of_equal_seeds():
    differences = paired_differences(
        {"0": 0.91, "1": 0.91, "2": 0.94, "7": 1.0}, {"0": 0.90, "1": 0.92, "2": 0.97}
    )
    assert differences == pytest.approx({"0": 0.01, "1": -0.01, "2": -0.03})
    estimate = mean_estimate(differences.values())
    assert [estimate.mean, estimate.low, estimate.high] == pytest.approx([-0.01, -0.03, 0.01])


def test_ratios_are_of_equal_seeds_and_their_mean_is_geometric():
    """2, 2 and 16: the cube root of 64; of 27 resamples one is all twos and one all sixteens."""
    estimate = ratio_estimate({"0": 2.0, "1": 4.0, "2": 48.0, "7": 1.0}, {"0": 1.0, "1": 2.0, "2": 3.0})
    assert [estimate.mean, estimate.low, estimate.high] == pytest.approx([4, 2, 16])
    assert estimate.count == 3


@pytest.mark.parametrize("values", [{}, {"0": 0.0}, {"1": 1.0}])
def test_no_ratio_without_positive_pairs(values):
    assert ratio_estimate(values, {"0": 1.0}) is None
