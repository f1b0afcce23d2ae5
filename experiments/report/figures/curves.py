"""The figure of the learning curves."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.report.cells import Cell
from experiments.report.figures.drawing import (
    cell_style,
    draw_legend,
    far_apart,
    make_figure,
    scale_by_logarithm,
)
from experiments.report.metric import in_words
from experiments.report.series import Series, block_means, mean_series, read_series
from experiments.report.sweep import Sweep

_BLOCKS = 60  # points of a curve of training losses
_MARKED = 20  # points of a curve at most, for each to have a marker


def curves_figure(sweep: Sweep) -> Figure | None:
    """Returns validation metric and training loss against steps and against seconds.

    None if no finished run has curves.
    """
    validation = _curves(sweep.cells, sweep.metric.validation)
    losses = [[block_means(s, _BLOCKS) for s in members] for members in _curves(sweep.cells, "loss")]
    rows = {in_words(sweep.metric.validation): validation, "training loss": losses}
    drawn = {label: curves for label, curves in rows.items() if _values(curves).size}
    if not drawn:
        return None
    figure = make_figure(2.9 * len(drawn) + 0.25 * len(sweep.cells))
    panels = figure.subplots(len(drawn), 2, sharex="col", sharey="row", squeeze=False)
    for row, (label, curves) in zip(panels, drawn.items(), strict=True):
        for axes, quantity in zip(row, ("steps", "seconds"), strict=True):
            _draw_curves(axes, curves, quantity)
        row[0].set_ylabel(label)
        if curves is losses and np.all(_values(curves) > 0):
            scale_by_logarithm(row[0], "y")
    panels[-1, 0].set_xlabel("training steps")
    panels[-1, 0].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    panels[-1, 1].set_xlabel("seconds of training, without compilation")
    if _far_apart(next(iter(drawn.values()))):
        scale_by_logarithm(panels[-1, 1], "x")
    draw_legend(figure, {i: cell.label for i, cell in enumerate(sweep.cells) if cell.finished})
    return figure


def _curves(cells: Sequence[Cell], key: str) -> list[list[Series]]:
    return [[read_series(run, key) for run in cell.finished.values()] for cell in cells]


def _values(curves: Sequence[Sequence[Series]]) -> np.ndarray:
    return np.concatenate([np.array([]), *(s.values for members in curves for s in members)])


def _far_apart(curves: Sequence[Sequence[Series]]) -> bool:
    """Whether some runs take so much longer than others that the shorter would be a stroke at the left."""
    ends = [s.seconds[-1] for members in curves for s in members if s.seconds.size and s.seconds[-1] > 0]
    return far_apart(ends)


def _draw_curves(axes: Axes, curves: Sequence[Sequence[Series]], quantity: str) -> None:
    """Each seed faintly, and the mean over the seeds."""
    for index, members in enumerate(curves):
        style = cell_style(index)
        for series in members:
            axes.plot(
                getattr(series, quantity), series.values, color=style["color"], alpha=0.3, linewidth=0.7
            )
        mean = mean_series(members)
        if mean.steps.size > _MARKED:
            style["marker"] = ""
        axes.plot(getattr(mean, quantity), mean.values, markersize=4, linewidth=1.6, **style)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
