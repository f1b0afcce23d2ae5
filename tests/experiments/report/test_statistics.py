"""Intervals, curves, targets and loss differences worked by hand."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.report.load import NO_CURVE
from experiments.report.statistics import (
    arrivals,
    block_means,
    default_target,
    loss_differences,
    mean_curve,
    mean_estimate,
    paired_differences,
    ratio_estimate,
)
from experiments.report.sweep import Cell, Metric
from tests.experiments.report.conftest import MakeCell, MakeRun

ACCURACY, CRPS = Metric("accuracy"), Metric("crps", higher_is_better=False)


def test_interval_of_three_seeds_worked_by_hand() -> None:
    """Of the 27 resamples one holds the least value alone: over 2.5%, so the ends are least and greatest."""
    assert mean_estimate([0.90, 0.92, 0.97]) == pytest.approx((0.93, 0.90, 0.97))


def test_interval_of_four_seeds_worked_by_hand() -> None:
    """Of 256 resamples 1 has the sum 0 and 4 have 1, in all less than 2.5%; 6 have 2. Likewise from above."""
    assert mean_estimate([0.0, 1.0, 10.0, 100.0]) == pytest.approx((111 / 4, 2 / 4, 301 / 4))


def test_a_mean_lies_in_its_interval_which_narrows_with_more_values() -> None:
    values = np.random.default_rng(0).normal(size=400)
    few, many = mean_estimate(values[:20]), mean_estimate(values)
    assert few.low < few.mean < few.high
    error = 1.96 * values.std() / 20  # by the normal distribution, which 400 values come near to
    assert many.high - many.low == pytest.approx(2 * error, rel=0.05)
    assert many.high - many.low < few.high - few.low


def test_values_without_spread() -> None:
    assert mean_estimate([]) == pytest.approx((math.nan,) * 3, nan_ok=True)
    assert mean_estimate([0.5]) == pytest.approx((0.5, math.nan, math.nan), nan_ok=True)
    assert mean_estimate([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)


@pytest.fixture
def cell_of(make_run: MakeRun) -> Callable[..., Cell]:
    """Makes a cell whose runs have a number `a`, by seed."""

    def make(found: dict[str, float], baseline: Cell | None = None) -> Cell:
        return Cell({}, "", {seed: make_run(summary={"a": a}) for seed, a in found.items()}, baseline)

    return make


def test_differences_are_of_equal_seeds(cell_of: Callable[..., Cell]) -> None:
    baseline = cell_of({"0": 0.90, "1": 0.92, "2": 0.97})
    differences = paired_differences(cell_of({"0": 0.91, "1": 0.91, "2": 0.94, "7": 1.0}, baseline), "a")
    assert differences.to_dict() == pytest.approx({"0": 0.01, "1": -0.01, "2": -0.03})
    assert mean_estimate(differences) == pytest.approx((-0.01, -0.03, 0.01))
    assert paired_differences(baseline, "a").empty


def test_ratios_are_of_equal_seeds_and_their_mean_is_geometric(cell_of: Callable[..., Cell]) -> None:
    """2, 2 and 16: the cube root of 64; of 27 resamples one is all twos and one all sixteens."""
    baseline = cell_of({"0": 1.0, "1": 2.0, "2": 3.0})
    cell = cell_of({"0": 2.0, "1": 4.0, "2": 48.0, "7": 1.0}, baseline)
    assert ratio_estimate(cell, "a") == pytest.approx((4, 2, 16))


@pytest.mark.parametrize("values", [{}, {"0": 0.0}, {"1": 1.0}])
def test_no_ratio_without_positive_pairs(values: dict[str, float], cell_of: Callable[..., Cell]) -> None:
    assert math.isnan(ratio_estimate(cell_of(values, cell_of({"0": 1.0})), "a").mean)


def curve(*points: tuple[int, float, float]) -> pd.DataFrame:
    steps, seconds, values = zip(*points, strict=True)
    return pd.DataFrame({"seconds": seconds, "value": values}, pd.Index(steps, name="step"), dtype=float)


def test_a_mean_is_of_the_steps_that_all_have() -> None:
    mean = mean_curve([curve((1, 1.0, 4.0), (2, 2.0, 2.0)), NO_CURVE, curve((2, 4.0, 3.0), (3, 6.0, 1.0))])
    assert mean.index.tolist() == [2]
    assert mean.to_numpy().tolist() == [[3.0, 2.5]]
    assert mean_curve([NO_CURVE]).empty


def test_blocks_are_means_at_their_last_step() -> None:
    blocks = block_means(curve(*((s, s / 10, float(s)) for s in range(1, 8))), blocks=3)
    assert blocks.index.tolist() == [2, 4, 6]
    assert blocks["value"].tolist() == [1.5, 3.5, 5.5]
    assert blocks["seconds"].tolist() == [0.2, 0.4, 0.6]


def evaluated(make_run: MakeRun, metric: Metric, values: list[float], step_time: float | None = 10.0) -> Any:
    """A run evaluated at steps 10, 20, ..."""
    rows = [{"step": 10 * i, metric.validation: value} for i, value in enumerate(values, 1)]
    return make_run(rows=rows, summary={"step_time_ms": step_time, "metric": metric.name})


@pytest.mark.parametrize(
    ("metric", "values", "target", "found"),
    [
        (ACCURACY, [0.5, 0.9, 0.8, 0.95], 0.9, [(20, 0.2)]),
        (ACCURACY, [0.5, 0.9, 0.8, 0.95], 0.951, []),
        (CRPS, [0.5, 0.2, 0.3], 0.3, [(20, 0.2)]),
    ],
)
def test_arrival_is_the_first_evaluation_as_good_as_the_target(
    metric: Metric, values: list[float], target: float, found: list[Any], make_run: MakeRun
) -> None:
    cell = Cell({}, "", {"0": evaluated(make_run, metric, values)})
    there = arrivals(cell, metric, target)
    assert list(there["seconds"].items()) == found


def test_time_may_be_unknown(make_run: MakeRun) -> None:
    there = arrivals(Cell({}, "", {"0": evaluated(make_run, ACCURACY, [0.9], None)}), ACCURACY, 0.9)
    assert there.index.tolist() == [10]
    assert there["seconds"].isna().all()


@pytest.mark.parametrize(
    ("metric", "best", "target"),
    [
        (ACCURACY, [0.9367, 0.8233, 0.95], 0.82),
        (ACCURACY, [0.82, 0.9], 0.82),
        (ACCURACY, [1.0], 1.0),
        (CRPS, [0.2209, 0.0123], 0.23),
        (CRPS, [0.0123], 0.013),
        (ACCURACY, [-1.23, 5.0], -1.3),
        (ACCURACY, [0.0], 0.0),
        (ACCURACY, [0.1] + [0.9] * 9, 0.9),
        (ACCURACY, [0.1] * 2 + [0.9] * 8, 0.1),
        (ACCURACY, [], None),
    ],
)
def test_default_target_is_what_nine_in_ten_reach(
    metric: Metric, best: list[float], target: float | None, make_run: MakeRun
) -> None:
    worst = -10.0 if metric is ACCURACY else 10.0
    runs = [evaluated(make_run, metric, [value, worst]) for value in best]
    assert default_target(runs, metric) == target


def rows(*losses: float) -> list[dict[str, Any]]:
    return [{"step": step, "loss": loss} for step, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (both := {0: rows(2.0, 1.0, math.nan, math.inf), 1: rows(3.0)}, both, (2, 5, 0.0, None)),
        (
            {0: rows(2.0, 1.0, 0.5), 1: rows(2.0, 1.0)},
            {0: rows(2.0, 1.0, 1.0), 1: rows(2.0, 1.25)},
            (2, 5, 0.5, 2),
        ),
        ({0: rows(2.0, 1.0), 1: rows(9.0)}, {0: rows(2.0), 2: rows(8.0)}, (1, 1, 0.0, None)),
        ({0: rows(math.nan)}, {0: rows(1.0)}, (1, 1, math.nan, 1)),
    ],
    ids=["equal", "largest and first", "common seeds and steps", "no number"],
)
def test_loss_differences(first: Any, second: Any, expected: Any, make_cell: MakeCell) -> None:
    (found,) = loss_differences([make_cell(first, sort="manual"), make_cell(second, sort="builtin")])
    assert found[2:] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("other", [{"sort": "manual", "model": "b"}, {"sort": "builtin", "model": "b"}])
def test_cells_that_differ_otherwise_are_not_compared(other: dict[str, str], make_cell: MakeCell) -> None:
    cells = [make_cell({0: rows(1.0)}, sort="manual", model="a"), make_cell({0: rows(1.0)}, **other)]
    assert loss_differences(cells) == []


def test_cells_without_common_losses_are_left_out(make_cell: MakeCell) -> None:
    assert loss_differences([make_cell({0: []}, sort="a"), make_cell({0: rows(1.0)}, sort="b")]) == []
