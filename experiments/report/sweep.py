"""A sweep, read and put in order."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import UserError
from experiments.report.cells import Cell, make_cells, varying_columns
from experiments.report.metric import Metric, run_metric
from experiments.report.multirun import Multirun, read_multiruns
from experiments.report.provenance import disagreements
from experiments.report.runs import Problem, Run, read_runs
from experiments.report.targets import default_target


@dataclass(frozen=True)
class Sweep:
    """All that the sections of a report are written from.

    Attributes:
        directory: where it lies.
        runs: all runs that could be read.
        multiruns: the sweeps that Hydra ran them in.
        columns: what tells the cells apart.
        cells: in the order in which the sweep began them.
        baselines: the cells that others are compared with, the same one or one each.
        baseline_was_given: or else it is the first that has a result.
        compared_in: the columns in which a cell must agree with its baseline.
        metric: the headline metric.
        target: the value to be reached; None if there is nothing to choose it by.
        target_was_given: or else it is chosen by what the runs reach.
        problems: what is missing or broken.
    """

    directory: Path
    runs: list[Run]
    multiruns: list[Multirun]
    columns: tuple[str, ...]
    cells: list[Cell]
    baselines: list[Cell]
    compared_in: tuple[str, ...]
    baseline_was_given: bool
    metric: Metric
    target: float | None
    target_was_given: bool
    problems: list[Problem]

    def baseline_of(self, cell: Cell) -> Cell | None:
        """Returns what a cell is compared with; None if there is nothing like it."""
        return next(
            (b for b in self.baselines if all(b.values[c] == cell.values[c] for c in self.compared_in)), None
        )

    @property
    def finished(self) -> list[Run]:
        """The finished runs that count, cell by cell."""
        return [run for cell in self.cells for run in cell.finished.values()]


def load_sweep(directory: Path, baseline: str | None = None, target: float | None = None) -> Sweep:
    """Reads a sweep.

    Args:
        directory: any tree with the output directories of runs in it, or one of these.
        baseline: `column=value`, several separated by commas; the first cell with a result if None. Where
            several cells fit, a cell is compared with the one that agrees with it in all other columns.
        target: of the headline metric, on the validation data.

    Raises:
        UserError: there is nothing to report on, or no such baseline.
    """
    runs, problems = read_runs(directory)
    multiruns, unstarted = read_multiruns(directory)
    columns = varying_columns(runs)
    cells, superseded = make_cells(runs, columns)
    finished = [run for cell in cells for run in cell.finished.values()]
    metric = run_metric(finished[0])
    baselines, compared_in = _find_baselines(cells, baseline)
    return Sweep(
        directory=directory,
        runs=runs,
        multiruns=multiruns,
        columns=columns,
        cells=cells,
        baselines=baselines,
        compared_in=compared_in,
        baseline_was_given=baseline is not None,
        metric=metric,
        target=default_target(finished, metric) if target is None else target,
        target_was_given=target is not None,
        problems=[
            *problems,
            *superseded,
            *unstarted,
            *_without_metric(finished, metric),
            *disagreements(finished),
        ],
    )


def median_number(cell: Cell, key: str) -> float | None:
    """Returns the median over seeds of a number of the summaries; None if there is none."""
    values = cell.numbers(key).values()
    return statistics.median(values) if values else None


def _find_baselines(cells: Sequence[Cell], wanted: str | None) -> tuple[list[Cell], tuple[str, ...]]:
    """Returns the baselines, and the columns in which others must agree with theirs."""
    if wanted is None:
        return [next(cell for cell in cells if cell.finished)], ()
    settings = dict(part.partition("=")[::2] for part in re.split(r",(?![^\[]*\])", wanted))
    found = [cell for cell in cells if settings.items() <= cell.values.items()]
    if len(found) == 1:
        return found, ()
    if found:
        return found, tuple(column for column in cells[0].values if column not in settings)
    known = {key: dict.fromkeys(cell.values[key] for cell in cells) for key in cells[0].values}
    choices = ", ".join(f"{key}={'|'.join(values)}" for key, values in known.items())
    raise UserError(f"--baseline {wanted}: fits no cell; choose of {choices or 'one cell'}.")


def _without_metric(runs: Sequence[Run], metric: Metric) -> list[Problem]:
    problems = []
    for run in runs:
        if run_metric(run) != metric:
            problems.append(Problem(run.name, f"its metric is {run_metric(run).name}, not {metric.name}"))
        elif run.number(metric.test) is None:
            problems.append(Problem(run.name, f"summary.json has no {metric.test} that is a number"))
    return problems
