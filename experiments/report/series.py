"""Curves: what a run's metrics say against steps and against seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.report.runs import Run


@dataclass(frozen=True)
class Series:
    """A quantity as training went on.

    Attributes:
        steps: shape (n,), increasing.
        seconds: shape (n,), since training began, compilation left out; NaN where not known.
        values: shape (n,).
    """

    steps: np.ndarray
    seconds: np.ndarray
    values: np.ndarray


def read_series(run: Run, key: str) -> Series:
    """Returns a quantity of a run's rows; it may be empty.

    Seconds are those of the rows, or the median time of a step for each step where rows have none.
    """
    rows = {row["step"]: row for row in run.rows if isinstance(row.get(key), int | float)}
    steps = sorted(rows)
    milliseconds = run.number("step_time_ms")
    by_step = float("nan") if milliseconds is None else milliseconds / 1e3
    seconds = [rows[step].get("seconds", step * by_step) for step in steps]
    return Series(
        np.array(steps, int), np.array(seconds, float), np.array([rows[s][key] for s in steps], float)
    )


def mean_series(members: Sequence[Series]) -> Series:
    """Returns the mean of values and of seconds at the steps that all non-empty members have."""
    members = [series for series in members if series.steps.size]
    if not members:
        return Series(np.array([], int), np.array([]), np.array([]))
    common = members[0].steps
    for series in members[1:]:
        common = np.intersect1d(common, series.steps)
    at = [np.searchsorted(series.steps, common) for series in members]
    seconds = np.mean([series.seconds[i] for series, i in zip(members, at, strict=True)], axis=0)
    values = np.mean([series.values[i] for series, i in zip(members, at, strict=True)], axis=0)
    return Series(common, seconds, values)


def block_means(series: Series, blocks: int) -> Series:
    """Returns the means of consecutive values, at the last step of each block; about this many blocks.

    A training loss is noise without it. Values that do not fill the last block are left out.
    """
    width = max(1, series.steps.size // blocks)
    count = series.steps.size // width
    last = slice(width - 1, count * width, width)
    means = series.values[: count * width].reshape(count, width).mean(axis=1)
    return Series(series.steps[last], series.seconds[last], means)
