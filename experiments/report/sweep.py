"""A sweep, read and put in order: its cells, what they are compared with, and what is wrong with it."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from experiments.errors import UserError
from experiments.report.load import SEED, Multirun, Problem, Run, as_text, clean, read_multiruns, read_runs

ABSENT = "–"
_PATHS = ("directory", "resume")  # last parts of keys that say where something lies, not what was run
_LONGEST = 60  # characters of a value in a label
_ABBREVIATIONS = re.compile(r"\b(auc|crps|mae|mse|ndcg|rmse)\b")


class Metric(NamedTuple):
    """A headline metric: its name, and whether higher values of it are better, or else lower."""

    name: str
    higher_is_better: bool = True

    @property
    def test(self) -> str:
        """Its key in a summary."""
        return f"test_{self.name}"

    @property
    def validation(self) -> str:
        """Its key in a row of metrics."""
        return f"validation_{self.name}"


@dataclass(eq=False)
class Cell:
    """Runs that differ in their seed alone.

    Attributes:
        values: what the cell has for each column of the sweep.
        label: the same in a few words.
        runs: the runs that count, by seed; finished or not.
        baseline: the cell that it is compared with; None if there is nothing like it.
    """

    values: dict[str, str]
    label: str
    runs: dict[str, Run]
    baseline: "Cell | None" = None

    @cached_property
    def finished(self) -> dict[str, Run]:
        """The finished runs, by seed."""
        return {seed: run for seed, run in self.runs.items() if run.summary is not None}

    def numbers(self, key: str) -> pd.Series:
        """Returns a number of the summaries, by seed, where there is one."""
        found = {seed: run.number(key) for seed, run in self.finished.items()}
        return pd.Series({seed: n for seed, n in found.items() if n is not None}, dtype=float)


@dataclass(frozen=True, eq=False)
class Sweep:
    """All that a report is written from.

    Attributes:
        directory: where it lies.
        runs: all runs that could be read.
        multiruns: the sweeps that Hydra ran them in.
        never_begun: how many of the jobs of these left no run.
        cells: in the order in which the sweep began them.
        baseline: the cell that others are compared with, or the first such.
        compared_in: the columns in which a cell must agree with its baseline.
        metric: the headline metric.
        problems: what is missing or broken.
    """

    directory: Path
    runs: list[Run]
    multiruns: list[Multirun]
    never_begun: int
    cells: list[Cell]
    baseline: Cell
    compared_in: list[str]
    metric: Metric
    problems: list[Problem]

    @property
    def unreadable(self) -> int:
        """How many runs could not be read."""
        return sum("left out, since" in problem.what for problem in self.problems)

    @property
    def groups(self) -> Collection[str]:
        """The names that are config groups."""
        return self.runs[0].choices

    @cached_property
    def finished(self) -> list[Run]:
        """The finished runs that count, cell by cell."""
        return [run for cell in self.cells for run in cell.finished.values()]


def load_sweep(directory: Path, baseline: str | None = None) -> Sweep:
    """Reads a sweep.

    Args:
        directory: any tree with the output directories of runs in it, or one of these.
        baseline: `column=value`, several separated by commas; the first cell with a result if None. Where
            several cells fit, a cell is compared with the one that agrees with it in all other columns.

    Raises:
        UserError: there is nothing to report on, or no such baseline.
    """
    runs, problems = read_runs(directory)
    multiruns, unstarted, never_begun = read_multiruns(directory)
    cells, superseded = make_cells(runs, varying_columns(runs))
    finished = [run for cell in cells for run in cell.finished.values()]
    metric = run_metric(finished[0])
    baselines, compared_in = _baselines(cells, baseline)
    by_values = {tuple(b.values[c] for c in compared_in): b for b in reversed(baselines)}
    for cell in cells:
        cell.baseline = by_values.get(tuple(cell.values[c] for c in compared_in))
    problems += [*superseded, *unstarted, *_without_metric(finished, metric), *disagreements(finished)]
    return Sweep(directory, runs, multiruns, never_begun, cells, baselines[0], compared_in, metric, problems)


def run_metric(run: Run) -> Metric:
    """Returns the headline metric that a run's summary names: accuracy if none."""
    return Metric(run.fact("metric") or "accuracy", run.fact("metric_is_better") != "lower")


def in_words(name: str) -> str:
    """Returns a metric's name as one writes it.

    >>> in_words("test_worst_class_accuracy"), in_words("validation_crps")
    ('test worst class accuracy', 'validation CRPS')
    """
    return _ABBREVIATIONS.sub(lambda match: match[0].upper(), name.replace("_", " "))


def varying_columns(runs: Sequence[Run]) -> list[str]:
    """Returns the config groups and keys that tell the cells of a sweep apart, in the words of command lines.

    A composed config follows from the choice made in each group and from the keys overridden, so those that
    vary among them are enough. A key that varies even where they agree (the config files were edited, say)
    is a column too. Seeds and paths are none.
    """
    settings = pd.DataFrame([run.settings for run in runs], dtype=object).fillna(ABSENT)
    overridden = _overridden(runs)
    groups = dict.fromkeys(group for run in runs for group in run.choices)
    varying = [name for name in settings if settings[name].nunique() > 1]
    keys = [name for name in varying if name not in groups and _is_setting(name)]
    chosen = [name for name in [*groups, *keys] if name in varying and (name in groups or name in overridden)]
    chosen.sort(key=lambda name: overridden.index(name) if name in overridden else len(overridden))
    for key in keys:
        if key not in chosen and (not chosen or settings.groupby(chosen)[key].nunique().max() > 1):
            chosen.append(key)
    return chosen


def make_cells(runs: Sequence[Run], columns: Sequence[str]) -> tuple[list[Cell], list[Problem]]:
    """Returns the cells in the order of their first runs, and which runs others have taken the place of.

    Of runs that are alike, seed and all, the last finished one counts, or the last one if none has finished.
    """
    groups: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in runs:
        settings = run.settings
        groups[tuple(settings.get(column, ABSENT) for column in columns)].append(run)
    cells, problems = [], []
    for found, members in groups.items():
        by_seed: dict[str, Run] = {}
        for run in sorted(members, key=lambda run: run.summary is not None):
            if (other := by_seed.get(run.seed)) is not None:
                why = "is later" if (run.summary is None) == (other.summary is None) else "has finished"
                what = f"left out: {run.name} has the same settings and seed, and {why}"
                problems.append(Problem(other.name, what))
            by_seed[run.seed] = run
        values = dict(zip(columns, found, strict=True))
        in_order = {run.seed: by_seed[run.seed] for run in members}
        cells.append(Cell(values, label_of(values, runs[0].choices), in_order))
    return cells, problems


def label_of(values: Mapping[str, str], groups: Collection[str]) -> str:
    """Returns the values of columns in a few words: a choice in a group needs no name; a number does."""
    parts = []
    for column, value in values.items():
        name, shown = column.rpartition(".")[2], shortened(value)
        parts.append(f"no {name}" if value == ABSENT else shown if column in groups else f"{name}={shown}")
    return ", ".join(parts) or "all runs"


def shortened(text: str) -> str:
    """Returns text, or its beginning where it is longer than anybody would read."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def same_everywhere(runs: Sequence[Run]) -> list[str]:
    """Returns the settings that all runs share: the choices, and the keys that command lines named."""
    overridden = _overridden(runs)
    first, *others = (run.settings for run in runs)
    keys = [key for key in runs[0].config if key in overridden and _is_setting(key)]
    names = dict.fromkeys([*reversed(runs[0].choices), *keys])
    shared = [name for name in names if all(other.get(name) == first[name] for other in others)]
    return [f"{name}={shortened(first[name])}" for name in shared]


def environments(runs: Sequence[Run]) -> dict[str, dict[str, list[str]]]:
    """Returns for each part of the environment which runs had which: `{part: {value: names of runs}}`.

    The parts are the git revision, the device, how many there were, and each package.
    """
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        summary = run.summary or {}
        parts = {"git revision": "git_revision", "device": "device", "number of devices": "device_count"}
        versions = summary.get("versions")
        values = {part: summary.get(key) for part, key in parts.items()}
        for part, value in (values | (versions if isinstance(versions, dict) else {})).items():
            found[clean(part)][as_text(value) or ABSENT].append(run.name)
    return {part: dict(values) for part, values in found.items()}


def disagreements(runs: Sequence[Run]) -> list[Problem]:
    """Returns a problem for each part that runs do not share, and for code that no revision tells."""
    problems = []
    for part, values in environments(runs).items():
        if len(values) > 1:
            shares = "; ".join(f"`{value}` ({counted(names)})" for value, names in values.items())
            problems.append(Problem("runs", f"differ in {part}: {shares}"))
        dirty = [name for value, names in values.items() if value.endswith("-dirty") for name in names]
        if dirty and part == "git revision":
            problems.append(Problem("runs", f"made with changes that were not committed: {counted(dirty)}"))
    return problems


def counted(names: Sequence[str]) -> str:
    """Returns how many runs these are, and which if they are few."""
    count = f"{len(names)} run{'s' * (len(names) > 1)}"
    return f"{count}: {', '.join(names)}" if len(names) < 4 else count


def _baselines(cells: Sequence[Cell], wanted: str | None) -> tuple[list[Cell], list[str]]:
    """Returns the baselines, and the columns in which others must agree with theirs."""
    if wanted is None:
        return [next(cell for cell in cells if cell.finished)], []
    settings = dict(part.partition("=")[::2] for part in re.split(r",(?![^\[]*\])", wanted))
    found = [cell for cell in cells if settings.items() <= cell.values.items()]
    if found:
        others = [column for column in cells[0].values if column not in settings]
        return found, others if len(found) > 1 else []
    known = {key: dict.fromkeys(shortened(cell.values[key]) for cell in cells) for key in cells[0].values}
    choices = ", ".join(f"{key}={'|'.join(values)}" for key, values in known.items())
    raise UserError(f"--baseline {wanted}: fits no cell; choose of {choices or 'one cell'}.")


def _without_metric(runs: Sequence[Run], metric: Metric) -> list[Problem]:
    problems = []
    for run in runs:
        if run_metric(run) != metric:
            problems.append(Problem(run.name, f"its metric is {run_metric(run).name}, not {metric.name}"))
        elif run.number(metric.test) is None:
            problems.append(Problem(run.name, f"summary.json has no {metric.test} that is a number"))
    return problems


def _overridden(runs: Sequence[Run]) -> list[str]:
    """The keys that command lines named, as they come."""
    return list(dict.fromkeys(o.lstrip("+~").partition("=")[0] for run in runs for o in run.overrides))


def _is_setting(key: str) -> bool:
    return key != SEED and key.rpartition(".")[2] not in _PATHS
