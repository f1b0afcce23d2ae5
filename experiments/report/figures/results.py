"""The figure of the headline metric."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.plots import BLUE
from experiments.report.estimates import mean_estimate, paired_differences
from experiments.report.figures.drawing import (
    draw_points,
    label_rows,
    make_figure,
    rows_height,
)
from experiments.report.metric import in_words
from experiments.report.sweep import Sweep


def results_figure(sweep: Sweep) -> Figure:
    """Returns the metric of each cell, and its difference to the baseline where there are others."""
    found = [cell.numbers(sweep.metric.test) for cell in sweep.cells]
    figure = make_figure(rows_height(len(found)))
    panels = figure.subplots(1, 2 if len(found) > 1 else 1, sharey=True, squeeze=False)[0]
    _draw_estimates(panels[0], found)
    panels[0].set_xlabel(in_words(sweep.metric.test))
    if len(found) > 1:
        baselines = [sweep.baseline_of(cell) for cell in sweep.cells]
        compared = [{} if baseline is None else baseline.numbers(sweep.metric.test) for baseline in baselines]
        differences = [paired_differences(*pair) for pair in zip(found, compared, strict=True)]
        _draw_estimates(panels[1], differences)
        panels[1].axvline(0, color="0.3", linewidth=0.8, zorder=1)
        panels[1].set_xlabel("difference to the baseline at equal seeds")
    for axes in panels:
        label_rows(axes, [cell.label for cell in sweep.cells])
    return figure


def _draw_estimates(axes: Axes, found: Sequence[Mapping[str, float]]) -> None:
    for row, values in enumerate(found):
        estimate = mean_estimate(values.values())
        if estimate is None:
            continue
        draw_points(axes, row, list(values.values()), BLUE)
        if estimate.low is not None and estimate.high is not None:
            axes.plot([estimate.low, estimate.high], [row, row], color=BLUE, linewidth=2, zorder=3)
        axes.plot([estimate.mean], [row], "D", color=BLUE, markersize=6, zorder=4)
