"""How training went."""

from experiments.report.cells import Cell
from experiments.report.content import Block, Section, Table
from experiments.report.estimates import mean_estimate
from experiments.report.figures.curves import curves_figure
from experiments.report.figures.drawing import picture
from experiments.report.metric import in_words
from experiments.report.numbers import decimals, interval
from experiments.report.sections.cell_table import cell_table
from experiments.report.series import read_series
from experiments.report.sweep import Sweep

_EARLY, _LATER = 1, 10  # evaluations: with one an epoch, the first and the tenth


def curves_section(sweep: Sweep) -> Section:
    """Returns the figure of the learning curves, and the metric early, later and in the end."""
    figure = curves_figure(sweep)
    if figure is None:
        return Section("Learning curves", ["No finished run has any."])
    caption = (
        "Learning curves, against steps and against time: the mean over seeds where all have a value, and "
        "each seed faintly. The training loss is averaged over consecutive steps."
    )
    blocks: list[Block] = [picture("curves", caption, figure)]
    table = _milestones(sweep)
    if table is not None:
        blocks += [f"The {in_words(sweep.metric.validation)} early, later and in the end:", table]
    return Section("Learning curves", blocks)


def _milestones(sweep: Sweep) -> Table | None:
    """The metric at the first, the tenth and the last evaluation that all runs share; None of fewer."""
    shared: set[int] | None = None
    for run in sweep.finished:
        steps = set(read_series(run, sweep.metric.validation).steps.tolist())
        shared = steps if shared is None else shared & steps
    evaluated = sorted(shared or ())
    if len(evaluated) <= _LATER:
        return None
    columns = {}
    for step in (evaluated[_EARLY - 1], evaluated[_LATER - 1], evaluated[-1]):
        found = [_values_at(cell, sweep.metric.validation, step) for cell in sweep.cells]
        places = decimals(value for values in found for value in values)
        columns[f"step {step}"] = [interval(mean_estimate(values), places) for values in found]
    return cell_table(sweep, columns)


def _values_at(cell: Cell, key: str, step: int) -> list[float]:
    series = [read_series(run, key) for run in cell.finished.values()]
    return [float(s.values[s.steps == step][0]) for s in series if step in s.steps]
