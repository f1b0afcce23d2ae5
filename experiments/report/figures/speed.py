"""The figure of what a step takes, and of how soon the target is reached."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots import BLUE, SKY_BLUE, VERMILION
from experiments.report.figures.drawing import (
    draw_points,
    label_rows,
    make_figure,
    rows_height,
)
from experiments.report.metric import in_words
from experiments.report.sweep import Sweep, median_number
from experiments.report.targets import arrivals, known_seconds, median_seconds

_REST, _SORT, _WHOLE = SKY_BLUE, VERMILION, "0.75"


def speed_figure(sweep: Sweep) -> Figure:
    """Returns the time of a step, split into sort and rest, and the seconds to the target."""
    figure = make_figure(rows_height(len(sweep.cells)) + 0.3)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_step_times(left, sweep)
    _draw_arrivals(right, sweep)
    for axes in (left, right):
        label_rows(axes, [cell.label for cell in sweep.cells])
        axes.set_xlim(left=0)
    return figure


def _draw_step_times(axes: Axes, sweep: Sweep) -> None:
    for row, cell in enumerate(sweep.cells):
        step, share = median_number(cell, "step_time_ms"), median_number(cell, "sort_fraction")
        if step is None:
            continue
        if share is None:
            axes.barh(row, step, 0.62, color=_WHOLE, label="sort not measured")
        else:
            axes.barh(row, step * (1 - share), 0.62, color=_REST, label="rest")
            axes.barh(
                row, step * share, 0.62, left=step * (1 - share), color=_SORT, label="sort", hatch="///"
            )
        draw_points(axes, row, list(cell.numbers("step_time_ms").values()), "black")
    axes.set_xlabel("milliseconds a training step")
    labelled = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(labelled.values(), labelled, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)


def _draw_arrivals(axes: Axes, sweep: Sweep) -> None:
    if sweep.target is None:
        axes.set_visible(False)
        return
    for row, cell in enumerate(sweep.cells):
        there = arrivals(cell, sweep.metric, sweep.target)
        draw_points(axes, row, known_seconds(there), BLUE)
        if (median := median_seconds(there)) is not None:
            axes.plot([median], [row], "D", color=BLUE, markersize=6, zorder=4)
    axes.set_xlabel(f"seconds to {in_words(sweep.metric.validation)} {sweep.target:g}")
