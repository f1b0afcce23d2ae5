"""Tables with a row for each cell."""

from collections.abc import Mapping, Sequence

from experiments.report.content import Table
from experiments.report.sweep import Sweep


def cell_table(sweep: Sweep, columns: Mapping[str, Sequence[str]]) -> Table:
    """Returns a table that begins with what tells the cells apart.

    Args:
        sweep: the sweep.
        columns: by their header, a number for each cell of the sweep.
    """
    names = sweep.columns or ("cell",)
    rows = [
        (*(cell.values.values() or (cell.label,)), *numbers)
        for cell, *numbers in zip(sweep.cells, *columns.values(), strict=True)
    ]
    return Table((*names, *columns), rows, words=len(names))
