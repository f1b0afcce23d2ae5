"""Whether sorts train alike."""

import math

from experiments.report.content import Section, Table
from experiments.report.losses import LossDifference, loss_differences
from experiments.report.numbers import UNKNOWN
from experiments.report.sweep import Sweep


def losses_section(sweep: Sweep) -> Section | None:
    """Returns the differences of loss curves between sorts; None if no cells differ in the sort alone."""
    differences = loss_differences(sweep.cells)
    if not differences:
        return None
    text = (
        "Cells that differ in the sort alone, compared at equal seeds and steps. Exact sorts with exact "
        "derivatives give the same losses bit for bit: 0."
    )
    header = ("cell", "compared with", "seeds", "losses", "largest difference", "first at step")
    return Section(
        "Losses under different sorts", [text, Table(header, [_row(d) for d in differences], words=2)]
    )


def _row(difference: LossDifference) -> tuple[str, ...]:
    first, second = difference.cells
    if difference.first_step is None:
        largest = "0"
    else:
        largest = "one is NaN" if math.isnan(difference.largest) else f"{difference.largest:.2g}"
    return (
        second.label,
        first.label,
        str(difference.seeds),
        f"{difference.steps:,}",
        largest,
        UNKNOWN if difference.first_step is None else f"{difference.first_step:,}",
    )
