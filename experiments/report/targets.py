"""How soon runs reach a value that counts as good."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from experiments.report.cells import Cell
from experiments.report.metric import Metric
from experiments.report.runs import Run
from experiments.report.series import read_series

_MAY_FALL_SHORT = 0.1  # of the runs, so that one that has not learned does not set the target


@dataclass(frozen=True)
class Arrival:
    """The first evaluation at which a run is as good as the target.

    Attributes:
        step: of the evaluation.
        seconds: since training began; None where not known.
    """

    step: int
    seconds: float | None


def arrival(run: Run, metric: Metric, target: float) -> Arrival | None:
    """Returns when a run first reaches the target on the validation data; None if it never does."""
    series = read_series(run, metric.validation)
    for step, seconds, value in zip(series.steps, series.seconds, series.values, strict=True):
        if metric.reaches(value, target):
            return Arrival(int(step), None if math.isnan(seconds) else float(seconds))
    return None


def arrivals(cell: Cell, metric: Metric, target: float) -> list[Arrival]:
    """Returns the arrivals of those of a cell's finished runs that reach the target."""
    found = (arrival(run, metric, target) for run in cell.finished.values())
    return [a for a in found if a is not None]


def median_seconds(found: Iterable[Arrival]) -> float | None:
    """Returns the median time of arrivals; None if no time is known."""
    seconds = known_seconds(found)
    return statistics.median(seconds) if seconds else None


def known_seconds(found: Iterable[Arrival]) -> list[float]:
    """Returns the times of arrivals, where they are known."""
    return [a.seconds for a in found if a.seconds is not None]


def default_target(runs: Iterable[Run], metric: Metric) -> float | None:
    """Returns the best value that nine runs in ten reach, eased to two digits; None without evaluations.

    Of fewer than ten runs all reach it.
    """
    best = sorted(_best_values(runs, metric), reverse=metric.higher_is_better)
    if not best:
        return None
    needed = math.ceil(len(best) * (1 - _MAY_FALL_SHORT) - 1e-9)
    return _eased(best[needed - 1], metric.higher_is_better)


def _best_values(runs: Iterable[Run], metric: Metric) -> list[float]:
    found = []
    for run in runs:
        values = [v for v in read_series(run, metric.validation).values if math.isfinite(v)]
        if values:
            found.append(float(max(values) if metric.higher_is_better else min(values)))
    return found


def _eased(value: float, down: bool) -> float:
    """Two significant digits, towards what is easier to reach."""
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    scaled = value * 10.0**digits
    nearest = round(scaled)
    exact = math.isclose(scaled, nearest, rel_tol=1e-9)
    whole = nearest if exact else (math.floor(scaled) if down else math.ceil(scaled))
    return float(f"{whole / 10.0**digits:.12g}")
