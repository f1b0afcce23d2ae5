"""The figure of results against a number that was swept."""

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.estimates import mean_estimate
from experiments.report.figures.drawing import (
    cell_style,
    draw_legend,
    far_apart,
    make_figure,
    scale_by_logarithm,
)
from experiments.report.metric import in_words
from experiments.report.numeric import Line, lines_along
from experiments.report.sweep import Sweep, median_number

_GROWTH = 4  # times, of values that multiply
_TICKS = 8  # at most, each with its number


def along_figure(sweep: Sweep, column: str) -> Figure:
    """Returns the headline metric and the time of a step against a column of numbers, a curve a line."""
    lines = lines_along(sweep, column)
    figure = make_figure(3.1 + 0.25 * len(lines))
    left, right = figure.subplots(1, 2)
    for index, line in enumerate(lines):
        _draw_metric(left, index, line, sweep.metric.test)
        _draw_steps(right, index, line)
    left.set_ylabel(in_words(sweep.metric.test))
    right.set_ylabel("milliseconds a training step")
    heights = [height for curve in right.lines for height in curve.get_ydata()]
    if far_apart(heights):
        scale_by_logarithm(right, "y")
    values = sorted({value for line in lines for value, _ in line.points})
    for axes in (left, right):
        _mark(axes, values)
        axes.set_xlabel(column)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    draw_legend(figure, dict(enumerate(line.label for line in lines)))
    return figure


def _draw_metric(axes: Axes, index: int, line: Line, key: str) -> None:
    """The mean over seeds with its interval, and each seed."""
    style = cell_style(index)
    found = [(value, cell.numbers(key).values()) for value, cell in line.points]
    estimates = [(value, mean_estimate(numbers)) for value, numbers in found]
    means = [(value, estimate) for value, estimate in estimates if estimate is not None]
    axes.plot([value for value, _ in means], [e.mean for _, e in means], markersize=4, **style)
    for value, estimate in means:
        if estimate.low is not None and estimate.high is not None:
            axes.plot([value, value], [estimate.low, estimate.high], color=style["color"], linewidth=1)
    _draw_seeds(axes, found, style["color"])


def _draw_steps(axes: Axes, index: int, line: Line) -> None:
    """The median over seeds, and each seed."""
    style, key = cell_style(index), "step_time_ms"
    medians = [(value, median_number(cell, key)) for value, cell in line.points]
    known = [(value, median) for value, median in medians if median is not None]
    axes.plot([value for value, _ in known], [median for _, median in known], markersize=4, **style)
    _draw_seeds(axes, [(value, cell.numbers(key).values()) for value, cell in line.points], style["color"])


def _draw_seeds(axes: Axes, found: Iterable[tuple[float, Iterable[float]]], colour: str) -> None:
    for value, numbers in found:
        heights = list(numbers)
        axes.plot([value] * len(heights), heights, "o", markersize=3, mfc="none", mec=colour, alpha=0.5)


def _mark(axes: Axes, values: list[float]) -> None:
    """Makes the axis logarithmic if the values multiply rather than add, and names them if they are few."""
    if values[0] > 0 and values[-1] >= _GROWTH * values[0]:
        axes.set_xscale("log")
    if len(values) > _TICKS:
        return
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.set_xticks([], minor=True)
