"""Columns of numbers: what a result can be drawn against."""

import math
from collections import defaultdict
from dataclasses import dataclass

from experiments.report.cells import Cell, label_of
from experiments.report.sweep import Sweep

_LEAST = 3  # values that make a curve


@dataclass(frozen=True)
class Line:
    """Cells that differ in one column of numbers.

    Attributes:
        label: what they have in common, among the cells of the sweep.
        points: the column's value and the cell, from the least value to the greatest.
    """

    label: str
    points: list[tuple[float, Cell]]


def numeric_columns(sweep: Sweep) -> list[str]:
    """Returns the columns that have a number in every cell, and a line along them of three at least."""
    return [
        column
        for column in sweep.columns
        if all(_is_number(cell.values[column]) for cell in sweep.cells)
        and any(len(line.points) >= _LEAST for line in lines_along(sweep, column))
    ]


def lines_along(sweep: Sweep, column: str) -> list[Line]:
    """Returns the cells as lines along a numeric column, in the order of their first cells."""
    lines: dict[tuple[str, ...], list[Cell]] = defaultdict(list)
    others = [name for name in sweep.columns if name != column]
    for cell in sweep.cells:
        lines[tuple(cell.values[name] for name in others)].append(cell)
    groups = sweep.runs[0].choices
    return [
        Line(
            label_of(dict(zip(others, values, strict=True)), groups),
            sorted(((float(cell.values[column]), cell) for cell in cells), key=lambda point: point[0]),
        )
        for values, cells in lines.items()
    ]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
