"""How soon cells reach the target."""

import statistics

from experiments.report.content import Section
from experiments.report.metric import in_words
from experiments.report.numbers import UNKNOWN, column
from experiments.report.sections.cell_table import cell_table
from experiments.report.sweep import Sweep
from experiments.report.targets import Arrival, arrivals, known_seconds, median_seconds


def targets_section(sweep: Sweep) -> Section:
    """Returns how many runs of each cell reach the target, and when."""
    name = in_words(sweep.metric.validation)
    if sweep.target is None:
        return Section("Time to a target", [f"No finished run has recorded {name}."])
    how = (
        "as asked for"
        if sweep.target_was_given
        else "the best that nine runs in ten reach, eased to two digits"
    )
    text = (
        f"The target is a {name} of {sweep.target:g}: {how}. A run is there at its first evaluation that is "
        "as good. Steps and seconds are medians over the runs that get there; compilation is left out."
    )
    found = [arrivals(cell, sweep.metric, sweep.target) for cell in sweep.cells]
    columns = {
        "runs there": [
            f"{len(there)} of {len(cell.finished)}" for there, cell in zip(found, sweep.cells, strict=True)
        ],
        "steps": [_median_step(there) for there in found],
        "seconds": column([median_seconds(there) for there in found]),
        "soonest, s": column([min(known_seconds(there), default=None) for there in found]),
        "latest, s": column([max(known_seconds(there), default=None) for there in found]),
    }
    return Section("Time to a target", [text, cell_table(sweep, columns)])


def _median_step(there: list[Arrival]) -> str:
    return f"{statistics.median(a.step for a in there):,.0f}" if there else UNKNOWN
