"""What the report computes: means with intervals, comparisons at equal seeds, curves, and targets."""

import functools
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from experiments.report.load import NO_CURVE, Run
from experiments.report.sweep import Cell, Metric

CONFIDENCE = 0.95
_RESAMPLES = 9999
_MAY_FALL_SHORT = 0.1  # of the runs, so that one that has not learned does not set the target
_SORT = "sort"  # the config group; what differs in it alone should differ in speed alone


class Estimate(NamedTuple):
    """A mean and the ends of its interval; None for a single value, which tells nothing of its spread."""

    mean: float
    low: float | None
    high: float | None


def mean_estimate(values: Iterable[float]) -> Estimate | None:
    r"""Returns the mean with its percentile bootstrap interval; None if there are no values.

    The ends are the quantiles $(1 \pm 0.95) / 2$ of the mean of values drawn anew, as many as there are, with
    replacement. They never lie outside the values, so of a few seeds they are too close together.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.

    >>> mean_estimate([1.0, 2.0, 6.0])  # one resample in 27 holds the least value alone: over 2.5%
    Estimate(mean=3.0, low=1.0, high=6.0)
    """
    return _mean_estimate(tuple(map(float, values)))


@functools.lru_cache(maxsize=100_000)
def _mean_estimate(values: tuple[float, ...]) -> Estimate | None:
    if not values:
        return None
    sample = np.array(values)
    mean = float(np.mean(sample))
    if sample.size == 1:
        return Estimate(mean, None, None)
    interval = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(mean, float(interval.low), float(interval.high))


def paired_differences(cell: Cell, key: str) -> pd.Series:
    """Returns the difference to the baseline of a cell's numbers, for each seed that both have."""
    values = cell.numbers(key)
    if cell.baseline is None:
        return values[:0]
    return (values - cell.baseline.numbers(key).reindex(values.index)).dropna()


def ratio_estimate(cell: Cell, key: str) -> Estimate | None:
    """Returns the geometric mean, with its interval, of a cell's numbers over its baseline's at equal seeds.

    None if no seed has both, or a number is not positive.
    """
    values = cell.numbers(key)
    others = values[:0] if cell.baseline is None else cell.baseline.numbers(key).reindex(values.index)
    pairs = pd.concat([values, others], axis=1).dropna()
    if not (pairs > 0).all(axis=None):
        return None
    estimate = mean_estimate(math.log(value / base) for value, base in pairs.to_numpy())
    if estimate is None or estimate.low is None or estimate.high is None:
        return estimate and Estimate(math.exp(estimate.mean), None, None)
    return Estimate(math.exp(estimate.mean), math.exp(estimate.low), math.exp(estimate.high))


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


def median(values: Sequence[float] | pd.Series) -> float | None:
    """Returns the median; None of no values."""
    return float(statistics.median(values)) if len(values) else None


def default_target(runs: Iterable[Run], metric: Metric) -> float | None:
    """Returns the best value that nine runs in ten reach, eased to two digits; None without evaluations.

    Of fewer than ten runs all reach it.
    """
    curves = (run.curve(metric.validation)["value"] for run in runs)
    finite = [values[np.isfinite(values)] for values in curves]
    best = sorted(
        (
            float(values.max() if metric.higher_is_better else values.min())
            for values in finite
            if len(values)
        ),
        reverse=metric.higher_is_better,
    )
    if not best:
        return None
    needed = math.ceil(len(best) * (1 - _MAY_FALL_SHORT) - 1e-9)
    return _eased(best[needed - 1], metric.higher_is_better)


def _eased(value: float, down: bool) -> float:
    """Two significant digits, towards what is easier to reach."""
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    if abs(digits) > 300:  # at the ends of what a float holds
        return value
    scaled = value * 10.0**digits
    nearest = round(scaled)
    exact = math.isclose(scaled, nearest, rel_tol=1e-9)
    whole = nearest if exact else (math.floor(scaled) if down else math.ceil(scaled))
    return float(f"{whole / 10.0**digits:.12g}")


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
    pairs = [(family[0], other) for family in families.values() for other in family[1:]]
    return [found for pair in pairs if (found := _compare(*pair)) is not None]


def _compare(first: Cell, second: Cell) -> LossDifference | None:
    shared = [seed for seed in first.finished if seed in second.finished]
    gaps = [_gaps(first.finished[seed], second.finished[seed]) for seed in shared]
    gaps = [gap for gap in gaps if len(gap)]
    if not gaps:
        return None
    found = pd.concat(gaps)
    differing = found.index[found != 0]
    largest = float(np.max(found.to_numpy()))  # NaN if any is
    first_step = int(differing.min()) if len(differing) else None
    return LossDifference(first, second, len(gaps), len(found), largest, first_step)


def _gaps(first: Run, second: Run) -> pd.Series:
    """How far the losses of two runs are apart, at the steps that both have."""
    left, right = first.curve("loss")["value"], second.curve("loss")["value"]
    shared = left.index.intersection(right.index)
    left, right = left.loc[shared], right.loc[shared]
    same = (left == right) | (left.isna() & right.isna())
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf
        return (left - right).abs().mask(same, 0.0)
