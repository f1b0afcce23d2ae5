"""The figures of a report: results, what a number does, learning curves, and speed."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from experiments.plots import BLUE, ROOMY, SKY_BLUE, VERMILION, scale_by_logarithm
from experiments.report import drawing, statistics
from experiments.report.drawing import INK, Drawing, Picture
from experiments.report.load import LARGEST
from experiments.report.sweep import Cell, Sweep, in_words

_MOST_ROWS = 50  # of a figure
_BLOCKS = 60  # points of a curve of training losses
_MARKED = 20  # points of a curve at most, for each to have a marker
_LEAST, _NAMED = 3, 8  # values that make a curve along a number, and at most for each to be named
_ACROSS = 25  # characters of these names in a line
_DECADES = 100  # times as large: what a linear axis does not show
_MULTIPLY = 4  # times, of values that multiply rather than add
_REST, _SORT, _WHOLE = SKY_BLUE, VERMILION, "0.6"

Line = list[tuple[float, Cell]]  # cells that differ in one column of numbers, from the least up


def results_figure(sweep: Sweep) -> Picture:
    """Draws the metric of each cell, and its difference to the baseline where there are others."""
    cells, left_out = _best_cells(sweep)
    found = [cell.numbers(sweep.metric.test) for cell in cells]
    differences = [statistics.paired_differences(cell, sweep.metric.test) for cell in cells]
    others = [d for d, cell in zip(differences, cells, strict=True) if cell is not cell.baseline]
    compared = any(map(len, others))
    same = compared and not any(map(np.any, others))
    figure, panels = drawing.rows_figure([cell.label for cell in cells], 2 if compared and not same else 1)
    for axes, values in zip(panels, (found, differences), strict=False):
        _draw_estimates(figure, axes, values)
    panels[0].set_xlabel(in_words(sweep.metric.test))
    drawing.scale_if_far_apart(panels[0], "x", [value for values in found for value in values], _DECADES)
    if len(panels) > 1:
        panels[1].axvline(0, color="0.5", linewidth=0.8, zorder=1)
        panels[1].set_xlabel("difference to the baseline at equal seeds")
    caption = "Diamonds are means, bars their intervals, circles the seeds (always in the same order)."
    return figure.written("results", caption + " All differences to the baseline are 0." * same + left_out)


def speed_figure(sweep: Sweep, target: float | None) -> Picture:
    """Draws the time of a step, split into sort and rest, and the seconds to the target."""
    cells, left_out = _best_cells(sweep)
    found = [statistics.arrivals(cell, sweep.metric, target) for cell in cells]
    there = [arrived["seconds"].dropna().reset_index(drop=True) for arrived in found]
    some = any(map(len, there))
    figure, panels = drawing.rows_figure([cell.label for cell in cells], 2 if some else 1)
    _draw_step_times(figure, panels[0], cells)
    caption = "The time of a training step, its median over seeds as a bar and each seed as a circle."
    if some:
        caption = f"Left: t{caption[1:]} Right: the time to the target; the diamond is the median."
        drawing.draw_seeds(figure, panels[1], there, "arrival")
        drawing.draw_diamonds(figure, panels[1], [seconds.median() for seconds in there], "median")
        panels[1].set_xlabel(f"seconds to {in_words(sweep.metric.validation)} {target:g}")
        _from_zero(panels[1], [second for seconds in there for second in seconds])
    return figure.written("speed", caption + left_out)


def numeric_columns(sweep: Sweep) -> list[str]:
    """Returns the columns that have a number in every cell, and a line along them of three at least."""
    return [
        column
        for column in sweep.cells[0].values
        if all(_is_number(cell.values[column]) for cell in sweep.cells)
        and any(len(line) >= _LEAST for _, line in lines_along(sweep, column))
    ]


def lines_along(sweep: Sweep, column: str) -> list[tuple[dict[str, str], Line]]:
    """Returns the cells as lines along a numeric column, each with what its cells have in common."""
    lines: dict[tuple[tuple[str, str], ...], Line] = defaultdict(list)
    for cell in sorted(sweep.cells, key=lambda cell: float(cell.values[column])):
        others = tuple(item for item in cell.values.items() if item[0] != column)
        lines[others].append((float(cell.values[column]), cell))
    return [(dict(others), line) for others, line in lines.items()]


def along_figure(sweep: Sweep, column: str) -> Picture:
    """Draws the headline metric and the time of a step against a column of numbers, a curve a line."""
    lines = lines_along(sweep, column)
    facets, labels, left_out = drawing.small_multiples(
        lines, sweep.groups, lambda line: max(_score(sweep, cell) for _, cell in line)
    )
    figure = Drawing(0.6 + 2.5 * len(facets) + 0.25 * len(labels))
    panels = figure.subplots(len(facets), 2, sharex=True, sharey="col", squeeze=False)
    for (left, right), (title, members) in zip(panels, facets.items(), strict=True):
        left.set_title(title, loc="left", fontsize="small")
        for index, line in members:
            for axes, key in ((left, sweep.metric.test), (right, "step_time_ms")):
                _draw_line(figure, axes, index, line, key)
        left.set_ylabel(in_words(sweep.metric.test))
        right.set_ylabel("milliseconds a training step")
    for axes, key, times in zip(panels[0], (sweep.metric.test, "step_time_ms"), (_DECADES, 4), strict=True):
        values = [value for cell in sweep.cells for value in cell.numbers(key)]
        drawing.scale_if_far_apart(axes, "y", values, times)
    for axes in panels[-1]:
        _mark(axes, sorted({value for _, line in lines for value, _ in line}))
        axes.set_xlabel(column)
    drawing.draw_legend(figure, labels)
    caption = (
        f"Against `{column}`. Left: the mean over seeds with its interval, each seed as a circle. Right: "
        f"the time of a training step, its median over seeds, each seed as a circle.{left_out}"
    )
    return figure.written("along-" + re.sub(r"\W+", "-", column)[:60], caption)


def curves_figure(sweep: Sweep) -> Picture | None:
    """Draws validation metric and training loss against steps and against seconds.

    None if no finished run has curves.
    """
    cells = [cell for cell in sweep.cells if cell.finished]
    keys = {in_words(sweep.metric.validation): sweep.metric.validation, "training loss": "loss"}
    drawn = {k: key for k, key in keys.items() if any(len(run.curve(key)) for run in sweep.finished)}
    if not drawn:
        return None
    facets, labels, left_out = drawing.small_multiples(
        [(cell.values, cell) for cell in cells], sweep.groups, lambda c: _score(sweep, c)
    )
    kinds = [(label, quantity) for label in drawn for quantity in ("steps", "seconds")]
    alone = len(facets) == 1  # loss below metric; or else a row of panels for each facet
    shape = (len(drawn), 2) if alone else (len(facets), len(kinds))
    figure = Drawing((2.9 * len(drawn) if alone else 0.8 + 1.5 * len(facets)) + 0.25 * len(labels))
    grid = figure.subplots(*shape, sharex="col", sharey="row" if alone else "col", squeeze=False)
    grid = grid.reshape(len(facets), -1)
    for row, (title, members) in zip(grid, facets.items(), strict=True):
        row[0].set_title(title, loc="left", fontsize="small")
        for index, cell in members:
            for first, key in enumerate(drawn.values()):
                _draw_curves(figure, row[2 * first : 2 * first + 2], index, cell, key)
    _finish_curves(grid, kinds, alone, sweep, drawn)
    drawing.draw_legend(figure, labels)
    caption = (
        "Learning curves, against steps and against time: the mean over seeds where all have a value, and "
        f"each seed faintly. The training loss is averaged over consecutive steps.{left_out}"
    )
    return figure.written("curves", caption)


def _best_cells(sweep: Sweep) -> tuple[list[Cell], str]:
    """The cells that a figure has room for, baselines among them, and a sentence if others are left out."""
    if len(sweep.cells) <= _MOST_ROWS:
        return sweep.cells, ""
    order = sorted(sweep.cells, key=lambda c: (c is sweep.baseline, _score(sweep, c)), reverse=True)
    kept = set(map(id, order[:_MOST_ROWS]))
    rest = f" The best {_MOST_ROWS} of {len(sweep.cells)} cells; all are in the table."
    return [cell for cell in sweep.cells if id(cell) in kept], rest


def _score(sweep: Sweep, cell: Cell) -> float:
    values = cell.numbers(sweep.metric.test)
    if values.empty:
        return -math.inf
    return float(values.mean()) * (1 if sweep.metric.higher_is_better else -1)


def _draw_estimates(figure: Drawing, axes: Axes, found: Sequence[pd.Series]) -> None:
    estimates = pd.DataFrame([statistics.mean_estimate(values) for values in found])
    ends = estimates.dropna()
    drawing.draw_seeds(figure, axes, found)
    axes.hlines(ends.index, ends["low"], ends["high"], color=BLUE, linewidth=2, zorder=3)
    drawing.draw_diamonds(figure, axes, estimates["mean"], "mean")


def _draw_step_times(figure: Drawing, axes: Axes, cells: Sequence[Cell]) -> None:
    found = [cell.numbers("step_time_ms") for cell in cells]
    flat = [value for values in found for value in values]
    steps, shares = statistics.medians(cells, "step_time_ms"), statistics.medians(cells, "sort_fraction")
    rests = steps * (1 - shares)
    parts = {
        "sort not measured": (steps[shares.isna()], 0 * steps, _WHOLE),
        "rest": (rests, 0 * steps, _REST),
        "sort": (steps - rests, rests, _SORT),
    }
    for name, (widths, lefts, colour) in parts.items():
        widths = widths.dropna()
        lefts, titles = lefts[widths.index], [f"{name}: {width:.4g} ms" for width in widths]
        look: Any = {"color": colour, "label": name if len(widths) else None}
        if drawing.far_apart(flat, _DECADES):  # the lengths of bars would mean nothing on a logarithmic axis
            (line,) = axes.plot(lefts + widths, widths.index, "|", markersize=12, mew=3, **look)
            figure.describe(line, titles)
            continue
        bars = axes.barh(widths.index, widths, 0.62, left=lefts, hatch="///" * (name == "sort"), **look)
        for bar, title in zip(bars, titles, strict=True):
            figure.describe(bar, [title])
    drawing.draw_seeds(figure, axes, found, colour=INK)
    axes.set_xlabel("milliseconds a training step")
    labelled = axes.get_legend_handles_labels()  # there may be none
    axes.legend(*labelled, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    _from_zero(axes, flat)


def _from_zero(axes: Axes, values: Sequence[float]) -> None:
    if not drawing.scale_if_far_apart(axes, "x", values, _DECADES):
        axes.set_xlim(left=0)


def _draw_line(figure: Drawing, axes: Axes, index: int, line: Line, key: str) -> None:
    """The mean over seeds with its interval, or the median of times, and each seed."""
    style = drawing.cell_style(index)
    timed = key == "step_time_ms"
    found = [(value, numbers) for value, cell in line if len(numbers := cell.numbers(key))]
    across, estimates = [value for value, _ in found], [statistics.mean_estimate(n) for _, n in found]
    middles = [n.median() for _, n in found] if timed else [estimate.mean for estimate in estimates]
    axes.plot(across, middles, markersize=4, **style)
    if not timed:
        low, high = ([estimate[end] for estimate in estimates] for end in (1, 2))
        axes.vlines(across, low, high, color=style["color"], linewidth=1)
    seeds = [(value, n, f"seed {seed}: {n:.6g}") for value, numbers in found for seed, n in numbers.items()]
    columns = zip(*seeds, strict=True) if seeds else ((), (), ())
    figure.points(axes, *columns, markersize=3, mec=style["color"], alpha=0.5)


def _mark(axes: Axes, values: Sequence[float]) -> None:
    """Makes the axis logarithmic if the values multiply rather than add, and names them if they are few."""
    drawing.scale_if_far_apart(axes, "x", values, _MULTIPLY - 1e-9)
    if len(values) <= _NAMED:
        names = [f"{value:g}" for value in values]
        axes.set_xticks(values, names, rotation=45 if sum(map(len, names)) > _ACROSS else 0)
        axes.set_xticks([], minor=True)


def _draw_curves(figure: Drawing, panels: Iterable[Axes], index: int, cell: Cell, key: str) -> None:
    """Each seed faintly, and the mean over the seeds, against steps and against seconds."""
    style = drawing.cell_style(index)
    curves = {f"{cell.label}, seed {seed}": run.curve(key) for seed, run in cell.finished.items()}
    alone = len(figure.axes) <= ROOMY
    if key == "loss":
        blocks = _BLOCKS if alone else _BLOCKS // 2
        curves = {name: statistics.block_means(curve, blocks) for name, curve in curves.items()}
    members = list(curves.values())
    mean = statistics.mean_curve(members)
    named = {name: [curve] for name, curve in curves.items()} if alone else {cell.label: members}
    marker = "" if len(mean) > _MARKED else style["marker"]
    for name, together in named.items():
        faint = {"color": style["color"], "alpha": 0.45, "linewidth": 0.7}
        drawing.draw_curves(figure, panels, together, name, **faint)
    look = {**style, "marker": marker, "markersize": 4, "linewidth": 1.6}
    drawing.draw_curves(figure, panels, [mean], cell.label, **look)


def _finish_curves(
    grid: np.ndarray, kinds: Sequence[tuple[str, str]], alone: bool, sweep: Sweep, drawn: dict[str, str]
) -> None:
    """Scales and names the axes of a grid with a column for each kind of panel."""
    ends = [c["seconds"].iloc[-1] for r in sweep.finished for k in drawn.values() if len(c := r.curve(k))]
    names = {"steps": "training steps", "seconds": "seconds of training, without compilation"}
    for column, (label, quantity) in enumerate(kinds):
        axes = grid[-1, column]
        if quantity == "steps":
            for row in grid[:, column]:
                row.set_ylabel(label, fontsize="medium" if alone else "x-small")
        losses = [run.curve("loss")["value"] for run in sweep.finished]
        if label == "training loss" and all((values > 1 / LARGEST).all() for values in losses):
            scale_by_logarithm(axes, "y")
        if not alone or column >= len(kinds) - 2:
            axes.set_xlabel(names[quantity] if alone else quantity)
        if quantity == "seconds":
            drawing.scale_if_far_apart(axes, "x", [end for end in ends if end > 0])
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < LARGEST
    except ValueError:
        return False
