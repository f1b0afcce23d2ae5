"""The runs of a sweep as a table for programs."""

import csv
import io

from experiments.report.cells import Cell
from experiments.report.runs import SEED, Run
from experiments.report.sweep import Sweep


def runs_csv(sweep: Sweep) -> str:
    """Returns a row for each finished run: what tells its cell apart, its seed, and its summary's numbers."""
    rows = [_row(cell, run) for cell in sweep.cells for run in cell.finished.values()]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(cell: Cell, run: Run) -> dict[str, object]:
    numbers = {key: run.number(key) for key in run.summary or {} if key != SEED}
    known = {key: number for key, number in numbers.items() if number is not None}
    return {**cell.values, SEED: run.seed, **known}
