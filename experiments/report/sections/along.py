"""What a number that was swept does."""

import re

from experiments.report.content import Block, Section
from experiments.report.figures.along import along_figure
from experiments.report.figures.drawing import picture
from experiments.report.numeric import numeric_columns
from experiments.report.sweep import Sweep


def along_section(sweep: Sweep) -> Section | None:
    """Returns a figure for each numeric column of the sweep; None if it has none."""
    blocks: list[Block] = []
    for column in numeric_columns(sweep):
        caption = (
            f"Against `{column}`. Left: the mean over seeds with its interval, each seed as a circle. Right: "
            "the time of a training step, its median over seeds, each seed as a circle."
        )
        name = "along-" + re.sub(r"\W+", "-", column)
        blocks.append(picture(name, caption, along_figure(sweep, column)))
    return Section("Along what was swept", blocks) if blocks else None
