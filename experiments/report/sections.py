"""What a report says. Text may hold `code` in backticks, and nothing else that needs an explanation."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from experiments.report.drawing import Picture
from experiments.report.figures import (
    along_figure,
    curves_figure,
    differences_of,
    numeric_columns,
    results_figure,
    speed_figure,
)
from experiments.report.load import Run
from experiments.report.statistics import (
    CONFIDENCE,
    LossDifference,
    arrivals,
    default_target,
    known_seconds,
    loss_differences,
    mean_estimate,
    median,
    ratio_estimate,
)
from experiments.report.sweep import (
    Cell,
    Sweep,
    counted,
    environments,
    in_words,
    metric_names,
    same_everywhere,
)
from experiments.report.tables import (
    Better,
    Entry,
    Table,
    cell_table,
    decimals,
    intervals,
    numbers,
    percents,
    texts,
)

_SCRIPT = "python scripts/train.py"
_FEW_SEEDS = 10
_EARLY, _LATER = 1, 10  # evaluations: with one an epoch, the first and the tenth
_MOST_PROBLEMS = 100


@dataclass(frozen=True)
class Listing:
    """Points of text, one below the other."""

    points: Sequence[str]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    lines: Sequence[str]


Block = str | Table | Picture | Listing | Commands


@dataclass(frozen=True)
class Section:
    """A part of the report under a title; a string among its blocks is a paragraph."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Target:
    """The value of the headline metric, on the validation data, that is to be reached.

    Attributes:
        value: None if there is nothing to choose it by.
        given: or else it is chosen by what the runs reach.
    """

    value: float | None
    given: bool

    @classmethod
    def of(cls, sweep: Sweep, wanted: float | None) -> "Target":
        """Returns the target that is wanted, or the one that the runs suggest."""
        return cls(
            default_target(sweep.finished, sweep.metric) if wanted is None else wanted, wanted is not None
        )


def make_sections(sweep: Sweep, target: Target, runs: Table) -> list[Section]:
    """Returns all parts of the report on a sweep, whose runs are in a table."""
    sections = [
        problems_section(sweep),
        results_section(sweep, target),
        along_section(sweep),
        curves_section(sweep),
        targets_section(sweep, target),
        speed_section(sweep, target),
        losses_section(sweep),
        Section("Runs", [runs]),
        provenance_section(sweep),
    ]
    return [section for section in sections if section is not None]


def summary_of(sweep: Sweep) -> str:
    """Returns how many runs there are and how many have failed, and what the cells are."""
    total = len(sweep.runs) + sweep.never_begun
    failed = sum(run.summary is None and run.error is not None for run in sweep.runs)
    unfinished = sum(run.summary is None and run.error is None for run in sweep.runs)
    others = {"failed": failed, "have not finished": unfinished, "never begun": sweep.never_begun}
    said = "".join(f"; {count} of {total} {what}" for what, count in others.items() if count)
    varying = ", ".join(f"`{column}`" for column in sweep.columns)
    apart = f", told apart by {varying}" if varying else ""
    return f"Finished runs: {len(sweep.finished)} of {total}{said}. Cells: {len(sweep.cells)}{apart}."


def problems_section(sweep: Sweep) -> Section | None:
    """Returns what is missing or broken, each thing once; None if nothing is."""
    where: dict[str, list[str]] = {}
    for problem in sweep.problems:
        where.setdefault(problem.what, []).append(problem.where)
    points = [
        f"{', '.join(f'`{name}`' for name in names[:3])}"
        f"{f' and {len(names) - 3} more' if len(names) > 3 else ''}: {what}."
        for what, names in where.items()
    ]
    if len(points) > _MOST_PROBLEMS:
        points = [*points[:_MOST_PROBLEMS], f"And {len(points) - _MOST_PROBLEMS} more."]
    return Section("Problems", [Listing(points)]) if points else None


def headline_table(sweep: Sweep, target: Target) -> Table:
    """Returns what matters most of each cell: its metric, the difference to the baseline, its speed."""
    found = [cell.numbers(sweep.metric.test) for cell in sweep.cells]
    places = decimals(value for values in found for value in values)
    columns = {
        "seeds": [Entry(_seeds(cell), len(cell.finished)) for cell in sweep.cells],
        f"{in_words(sweep.metric.test)} [{CONFIDENCE:.0%}]": intervals(
            [mean_estimate(values) for values in found], places, better=_better(sweep.metric.name, sweep)
        ),
    }
    if len(sweep.cells) > 1:
        columns[f"difference to baseline [{CONFIDENCE:.0%}]"] = _differences(sweep, places)
    columns["step, ms"] = numbers(_medians(sweep, "step_time_ms"), better="lower")
    columns["sort's share"] = percents(_medians(sweep, "sort_fraction"))
    if target.value is not None:
        there = [known_seconds(arrivals(cell, sweep.metric, target.value)) for cell in sweep.cells]
        columns[f"s to {target.value:g}"] = numbers([median(seconds) for seconds in there], better="lower")
    return cell_table(sweep.cells, columns)


def results_section(sweep: Sweep, target: Target) -> Section:
    """Returns the headline table, its figure, and how to read them."""
    name, better = in_words(sweep.metric.test), "higher" if sweep.metric.higher_is_better else "lower"
    given = "as asked for" if sweep.baseline_was_given else "the first of the sweep with a result"
    text = (
        f"Means of {name} ({better} is better) over seeds, with {CONFIDENCE:.0%} percentile bootstrap "
        f"intervals. {_baselines(sweep)}, {given}; differences to it are taken at equal "
        f"seeds, and their interval is of their mean. Times are medians over seeds."
    )
    if any(len(cell.finished) < _FEW_SEEDS for cell in sweep.cells):
        text += (
            f" With fewer than {_FEW_SEEDS} seeds such intervals are too narrow (they cannot reach beyond "
            "the values themselves): look at the points."
        )
    blocks: list[Block] = [text, headline_table(sweep, target), results_figure(sweep)]
    names = metric_names(sweep.finished)
    if len(names) > 1:
        table = cell_table(sweep.cells, {in_words(f"test_{n}"): _metric(sweep, n) for n in names})
        blocks += ["Everything measured on the test data, with the same intervals:", table]
    return Section("Results", blocks)


def along_section(sweep: Sweep) -> Section | None:
    """Returns a figure for each numeric column of the sweep; None if it has none."""
    blocks = [along_figure(sweep, column) for column in numeric_columns(sweep)]
    return Section("Along what was swept", blocks) if blocks else None


def curves_section(sweep: Sweep) -> Section:
    """Returns the figure of the learning curves, and the metric early, later and in the end."""
    figure = curves_figure(sweep)
    if figure is None:
        return Section("Learning curves", ["No finished run has any."])
    blocks: list[Block] = [figure]
    table = _milestones(sweep)
    if table is not None:
        blocks += [f"The {in_words(sweep.metric.validation)} early, later and in the end:", table]
    return Section("Learning curves", blocks)


def targets_section(sweep: Sweep, target: Target) -> Section:
    """Returns how many runs of each cell reach the target, and when."""
    name = in_words(sweep.metric.validation)
    if target.value is None:
        return Section("Time to a target", [f"No finished run has recorded {name}."])
    how = "as asked for" if target.given else "the best that nine runs in ten reach, eased to two digits"
    text = (
        f"The target is a {name} of {target.value:g}: {how}. A run is there at its first evaluation that is "
        "as good. Steps and seconds are medians over the runs that get there; compilation is left out."
    )
    found = [arrivals(cell, sweep.metric, target.value) for cell in sweep.cells]
    seconds = [known_seconds(there) for there in found]
    shares = [f"{len(there)} of {len(cell.finished)}" for there, cell in zip(found, sweep.cells, strict=True)]
    columns = {
        "runs there": [Entry(share, len(there)) for share, there in zip(shares, found, strict=True)],
        "steps": numbers([median([a.step for a in there]) for there in found], 0, better="lower"),
        "seconds": numbers([median(values) for values in seconds], better="lower"),
        "soonest, s": numbers([min(values, default=None) for values in seconds]),
        "latest, s": numbers([max(values, default=None) for values in seconds]),
    }
    return Section("Time to a target", [text, cell_table(sweep.cells, columns)])


def speed_section(sweep: Sweep, target: Target) -> Section:
    """Returns the time of a step, split into sort and rest, compile time and memory."""
    steps, shares = _medians(sweep, "step_time_ms"), _medians(sweep, "sort_fraction")
    pairs = list(zip(steps, shares, strict=True))
    sorts = [None if step is None or share is None else step * share for step, share in pairs]
    rests = [None if s is None or t is None else t - s for s, t in zip(sorts, steps, strict=True)]
    shown = numbers(steps, better="lower")
    places = len(next((e.text for e in shown if e.value is not None), "").partition(".")[2])
    columns = {
        "step, ms": shown,
        "sort, ms": numbers(sorts, places),
        "rest, ms": numbers(rests, places),
        "sort's share": percents(shares),
        f"step / baseline [{CONFIDENCE:.0%}]": _ratios(sweep),
        "compilation, s": numbers(_medians(sweep, "compile_time_s")),
        "memory of a step, MB": numbers(_medians(sweep, "step_memory_mb"), better="lower"),
        "parameters": numbers(_medians(sweep, "parameters"), 0),
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
    return Section(
        "Speed and memory", [text, cell_table(sweep.cells, columns), speed_figure(sweep, target.value)]
    )


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
        "Losses under different sorts", [text, Table(header, [_loss_row(d) for d in differences], words=2)]
    )


def provenance_section(sweep: Sweep) -> Section:
    """Returns what runs shared, when and on what they ran, and the exact commands."""
    blocks: list[Block] = []
    if shared := same_everywhere(sweep.runs):
        blocks += ["The same in all runs: " + ", ".join(f"`{setting}`" for setting in shared) + "."]
    points = [_environment(part, values) for part, values in environments(sweep.finished).items()]
    dates = sorted(date for run in sweep.finished if (date := date_of(run)) is not None)
    if dates:
        points.append(f"finished: `{dates[0]}`" + (f" to `{dates[-1]}`" if dates[-1] != dates[0] else ""))
    spent = [seconds for run in sweep.finished if (seconds := run.number("duration_s")) is not None]
    if spent:
        points.append(f"duration of all runs together: {duration(sum(spent))}")
    blocks.append(Listing(points))
    if sweep.multiruns:
        commands = [f"{_SCRIPT} -m {shlex.join(m.overrides)}".rstrip() for m in sweep.multiruns]
        blocks += ["The whole, at once:", Commands(commands)]
    alone = [f"{_SCRIPT} {shlex.join(run.overrides)}".rstrip() for run in sweep.runs]
    return Section("How it was made", [*blocks, "Each run by itself:", Commands(alone)])


def date_of(run: Run) -> str | None:
    """Returns when a run finished, to the minute; None if its summary does not tell."""
    date = run.fact("date")
    return date and date[:16].replace("T", " ")


def duration(seconds: float) -> str:
    """Returns a duration as hours, minutes and seconds.

    >>> duration(3724.6)
    '1:02:05'
    """
    return str(timedelta(seconds=round(seconds))) if abs(seconds) < 1e12 else f"{seconds:.3g} s"


def _medians(sweep: Sweep, key: str) -> list[float | None]:
    return [median(cell.numbers(key)) for cell in sweep.cells]


def _metric(sweep: Sweep, name: str) -> list[Entry]:
    found = [cell.numbers(f"test_{name}") for cell in sweep.cells]
    places = decimals(value for values in found for value in values)
    return intervals([mean_estimate(values) for values in found], places, better=_better(name, sweep))


def _better(name: str, sweep: Sweep) -> Better | None:
    """Which values of a metric are the better ones, where that is known."""
    if name == sweep.metric.name:
        return "higher" if sweep.metric.higher_is_better else "lower"
    return "higher" if name.endswith("accuracy") else "lower" if name.endswith("loss") else None


def _differences(sweep: Sweep, places: int) -> list[Entry]:
    differences = [differences_of(sweep, cell) for cell in sweep.cells]
    entries = intervals([mean_estimate(values) for values in differences], places, signed=True)
    for index, (cell, values) in enumerate(zip(sweep.cells, differences, strict=True)):
        if cell is sweep.baseline_of(cell):
            entries[index] = Entry("baseline", 0.0)
        elif len(values) not in (0, len(cell.finished)):
            entries[index] = Entry(f"{entries[index].text} ({len(values)} seeds)", entries[index].value)
    return entries


def _ratios(sweep: Sweep) -> list[Entry]:
    """How many times as long as the baseline's a step of each cell takes."""
    key, found = "step_time_ms", []
    for cell in sweep.cells:
        baseline = sweep.baseline_of(cell)
        found.append(baseline and ratio_estimate(cell.numbers(key), baseline.numbers(key)))
    entries = intervals(found, decimals([ratio.mean for ratio in found if ratio is not None]))
    cells = zip(sweep.cells, entries, strict=True)
    return [Entry("baseline", 1.0) if cell in sweep.baselines else entry for cell, entry in cells]


def _milestones(sweep: Sweep) -> Table | None:
    """The metric at the first, the tenth and the last evaluation that all runs share; None of fewer."""
    curves = [
        [run.curve(sweep.metric.validation)["value"] for run in cell.finished.values()]
        for cell in sweep.cells
    ]
    steps = [set(curve.index) for members in curves for curve in members]
    evaluated = sorted(set.intersection(*steps))
    if len(evaluated) <= _LATER:
        return None
    columns = {}
    for step in (evaluated[_EARLY - 1], evaluated[_LATER - 1], evaluated[-1]):
        found = [[float(curve[step]) for curve in members] for members in curves]
        places = decimals(value for values in found for value in values)
        estimates = [mean_estimate(values) for values in found]
        columns[f"step {step}"] = intervals(estimates, places, better=_better(sweep.metric.name, sweep))
    return cell_table(sweep.cells, columns)


def _loss_row(difference: LossDifference) -> list[Entry]:
    first, second = difference.cells
    unequal = difference.first_step is not None
    nan = difference.largest != difference.largest
    return [
        *texts([second.label, first.label]),
        *numbers([difference.seeds, difference.steps], 0),
        Entry("one is NaN" if nan else f"{difference.largest:.2g}" if unequal else "0", difference.largest),
        *numbers([difference.first_step], 0),
    ]


def _baselines(sweep: Sweep) -> str:
    first = sweep.baselines[0]
    if not sweep.compared_in:
        return f"The baseline is `{first.label}`"
    shared = ", ".join(f"`{c}={v}`" for c, v in first.values.items() if c not in sweep.compared_in)
    alike = " and ".join(f"`{column}`" for column in sweep.compared_in)
    return f"The baseline of a cell is the one with {shared} that agrees with it in {alike}"


def _seeds(cell: Cell) -> str:
    """How many have finished, of how many that began."""
    finished, begun = len(cell.finished), len(cell.runs)
    return str(finished) if finished == begun else f"{finished} of {begun}"


def _environment(part: str, values: dict[str, list[str]]) -> str:
    if len(values) == 1:
        return f"{part}: `{next(iter(values))}`"
    return f"{part}: " + "; ".join(f"`{value}` in {counted(names)}" for value, names in values.items())
