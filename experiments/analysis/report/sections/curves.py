"""How training went."""

from experiments.analysis.report.content import Picture, Section
from experiments.analysis.report.figures.curves import curves_figure
from experiments.analysis.report.sweep import Sweep


def curves_section(sweep: Sweep) -> Section:
    """Returns the figure of the learning curves."""
    svg = curves_figure(sweep)
    if svg is None:
        return Section("Learning curves", ["No finished run has any."])
    caption = (
        "Learning curves, against steps and against time: the mean over seeds where all have a value, and "
        "each seed faintly. The training loss is averaged over consecutive steps."
    )
    return Section("Learning curves", [Picture("curves", caption, svg)])
