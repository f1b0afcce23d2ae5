"""What a step, its compilation and its memory cost."""

from experiments.report.content import Section
from experiments.report.estimates import CONFIDENCE, ratio_estimate
from experiments.report.figures.drawing import picture
from experiments.report.figures.speed import speed_figure
from experiments.report.numbers import column, decimals, interval, percent
from experiments.report.sections.cell_table import cell_table
from experiments.report.sweep import Sweep, median_number


def speed_section(sweep: Sweep) -> Section:
    """Returns the time of a step, split into sort and rest, compile time and memory."""
    steps, shares, compiling, memory, parameters = (
        [median_number(cell, key) for cell in sweep.cells]
        for key in ("step_time_ms", "sort_fraction", "compile_time_s", "step_memory_mb", "parameters")
    )
    sorts = [_product(step, share) for step, share in zip(steps, shares, strict=True)]
    rests = [None if s is None or t is None else t - s for s, t in zip(sorts, steps, strict=True)]
    columns = {
        "step, ms": column(steps),
        "sort, ms": column(sorts, decimals(steps)),
        "rest, ms": column(rests, decimals(steps)),
        "sort's share": [percent(share) for share in shares],
        f"step / baseline [{CONFIDENCE:.0%}]": _ratios(sweep),
        "compilation, s": column(compiling),
        "memory of a step, MB": column(memory),
        "parameters": column(parameters, 0),
    }
    text = (
        "Medians over seeds; steps are compared with the baseline's at equal seeds, by the geometric mean of "
        "the ratios and its bootstrap interval. The sort's share is that of a step's time which goes when "
        "every element is left where it is; the rest is the step without it. A dash is what the runs have "
        "not measured."
    )
    if any(multirun.in_one_process for multirun in sweep.multiruns):
        text += (
            " The jobs of a sweep ran in one process, where what earlier ones compiled and allocated stays: "
            "compile times and memory may depend on their order."
        )
    caption = (
        "Left: the time of a training step, its median over seeds as a bar and each seed as a circle. "
        "Right: the time to the target; the diamond is the median."
    )
    return Section(
        "Speed and memory", [text, cell_table(sweep, columns), picture("speed", caption, speed_figure(sweep))]
    )


def _product(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


def _ratios(sweep: Sweep) -> list[str]:
    """How many times as long as the baseline's a step of each cell takes."""
    found = []
    for cell in sweep.cells:
        baseline = sweep.baseline_of(cell)
        steps = {} if baseline is None else baseline.numbers("step_time_ms")
        found.append(ratio_estimate(cell.numbers("step_time_ms"), steps))
    places = decimals([ratio.mean for ratio in found if ratio is not None])
    cells = zip(sweep.cells, found, strict=True)
    return ["baseline" if cell in sweep.baselines else interval(ratio, places) for cell, ratio in cells]
