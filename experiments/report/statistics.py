"""What the report computes: means with intervals, comparisons at equal seeds, curves, and targets."""

import functools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd

from experiments.report.load import NO_CURVE, Run
from experiments.report.sweep import Cell, Metric

_TAILS = (0.025, 0.975)  # the ends of a 95% interval
_RESAMPLES = 9999
_MAY_FALL_SHORT = 0.1  # of the runs, so that one that has not learned does not set the target
_SORT = "sort"  # the config group; what differs in it alone should differ in speed alone


class Estimate(NamedTuple):
    """A mean and the ends of its interval; NaN for a single value, which tells nothing of its spread."""

    mean: float
    low: float = math.nan
    high: float = math.nan


def mean_estimate(values: Iterable[float]) -> Estimate:
    r"""Returns the mean with its percentile bootstrap interval; NaN if there are no values.

    The ends are the quantiles $(1 \pm 0.95) / 2$ of the mean of values drawn anew, as many as there are, with
    replacement. They never lie outside the values, so of a few seeds they are too close together.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.

    >>> mean_estimate([1.0, 2.0, 6.0])  # one resample in 27 holds the least value alone: over 2.5%
    Estimate(mean=3.0, low=1.0, high=6.0)
    """
    return _mean_estimate(tuple(map(float, values)))


@functools.lru_cache(maxsize=100_000)
def _mean_estimate(values: tuple[float, ...]) -> Estimate:
    if len(values) < 2:
        return Estimate(*values or (math.nan,))
    sample = np.array(values)
    drawn = np.random.default_rng(0).integers(sample.size, size=(_RESAMPLES, sample.size))
    return Estimate(float(sample.mean()), *np.quantile(sample[drawn].mean(-1), _TAILS).tolist())


def medians(cells: Sequence[Cell], key: str) -> pd.Series:
    """Returns the median of each cell's numbers; NaN if it has none."""
    return pd.Series([cell.numbers(key).median() for cell in cells], dtype=float)


def pairs(cell: Cell, key: str) -> pd.DataFrame:
    """Returns a cell's numbers and its baseline's, for each seed that both have."""
    others = pd.Series(dtype=float) if cell.baseline is None else cell.baseline.numbers(key)
    return pd.concat({"cell": cell.numbers(key), "baseline": others}, axis=1, join="inner")


def paired_differences(cell: Cell, key: str) -> pd.Series:
    """Returns the difference to the baseline of a cell's numbers, for each seed that both have."""
    found = pairs(cell, key)
    return found["cell"] - found["baseline"]


def ratio_estimate(cell: Cell, key: str) -> Estimate:
    """Returns the geometric mean of a cell's numbers over its baseline's at equal seeds, with its interval.

    NaN if no seed has both; what is not positive is left out.
    """
    found = pairs(cell, key)
    found = found[(found > 0).all(axis=1)]
    return Estimate(*np.exp(mean_estimate(np.log(found["cell"] / found["baseline"]))).tolist())


def mean_curve(members: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Returns the mean of values and of seconds at the steps that all non-empty members have."""
    members = [curve for curve in members if len(curve)]
    if len(members) < 2:
        return members[0] if members else NO_CURVE
    common = functools.reduce(lambda steps, curve: steps.intersection(curve.index), members, members[0].index)
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf
        mean = np.mean([curve.loc[common].to_numpy() for curve in members], axis=0)
    return pd.DataFrame(mean, common, ["seconds", "value"])


def block_means(curve: pd.DataFrame, blocks: int) -> pd.DataFrame:
    """Returns the means of consecutive values, at the last step of each block; about this many blocks.

    A training loss is noise without it. Values that do not fill the last block are left out.
    """
    width = max(1, len(curve) // blocks)
    count = len(curve) // width
    with np.errstate(invalid="ignore", over="ignore"):
        means = curve["value"].to_numpy()[: count * width].reshape(count, width).mean(axis=1)
    return curve.iloc[width - 1 : count * width : width].assign(value=means)


@functools.lru_cache(maxsize=10_000)  # for two tables and a figure
def arrivals(cell: Cell, metric: Metric, target: float | None) -> pd.DataFrame:
    """Returns the first evaluation at which each finished run of a cell is as good as a target.

    It has a row for each run that gets there, with `seconds` (NaN where not known), by step.
    """
    if target is None or not cell.finished:
        return NO_CURVE
    curves = [run.curve(metric.validation) for run in cell.finished.values()]
    higher = metric.higher_is_better
    there = [c[c["value"] >= target if higher else c["value"] <= target].head(1) for c in curves]
    return pd.concat(there)


def default_target(runs: Iterable[Run], metric: Metric) -> float | None:
    """Returns the best value that nine runs in ten reach, eased to two digits; None without evaluations.

    Of fewer than ten runs all reach it.
    """
    sign = 1 if metric.higher_is_better else -1
    curves = (sign * run.curve(metric.validation)["value"] for run in runs)
    best = sorted(finite.max() for curve in curves if len(finite := curve[np.isfinite(curve)]))
    if not best:
        return None
    reached = Decimal(repr(float(sign * best[int(_MAY_FALL_SHORT * len(best) + 1e-9)])))
    easier = ROUND_FLOOR if metric.higher_is_better else ROUND_CEILING
    return float(reached.quantize(Decimal(1).scaleb(reached.adjusted() - 1), easier))


class LossDifference(NamedTuple):
    """How far the training losses of two cells are apart, step by step at equal seeds.

    So many seeds and losses have been compared. The largest difference is 0 if they are the same, bit for
    bit, and NaN if only one of two losses is a number; the first step is the first to differ, if any does.
    """

    first: Cell
    second: Cell
    seeds: int
    losses: int
    largest: float
    first_step: int | None


def loss_differences(cells: Sequence[Cell]) -> list[LossDifference]:
    """Compares the first cell of those that differ in the sort alone with each of the others.

    Pairs that have no losses of the same seed and step are left out.
    """
    families: dict[tuple[tuple[str, str], ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        rest = (item for item in cell.values.items() if item[0].partition(".")[0] != _SORT)
        families[tuple(rest)].append(cell)
    found = (_compare(family[0], other) for family in families.values() for other in family[1:])
    return [difference for difference in found if difference is not None]


def _compare(first: Cell, second: Cell) -> LossDifference | None:
    gaps = []
    for seed in first.finished.keys() & second.finished.keys():
        curves = (cell.finished[seed].curve("loss")["value"] for cell in (first, second))
        left, right = next(curves).align(next(curves), join="inner")
        same = (left == right) | (left.isna() & right.isna())
        with np.errstate(invalid="ignore", over="ignore"):  # inf - inf
            gaps.append((left - right).abs().mask(same, 0.0))
    gaps = [gap for gap in gaps if len(gap)]
    if not gaps:
        return None
    found = pd.concat(gaps)
    differing = found.index[found != 0]
    largest = float(np.max(found.to_numpy()))  # NaN if any is
    return LossDifference(
        first, second, len(gaps), len(found), largest, int(differing.min()) if len(differing) else None
    )
