"""What varies in a sweep, and the cells that it makes."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from experiments.report.runs import SEED, Problem, Run

ABSENT = "–"

_PATHS = ("directory", "resume")  # last parts of keys that say where something lies, not what was run


@dataclass(frozen=True)
class Cell:
    """Runs that differ in their seed alone.

    Attributes:
        values: what the cell has for each column of the sweep.
        label: the same in a few words; unique in a sweep.
        runs: all runs, by seed; finished or not.
    """

    values: dict[str, str]
    label: str
    runs: dict[str, Run]

    @property
    def finished(self) -> dict[str, Run]:
        """The finished runs, by seed."""
        return {seed: run for seed, run in self.runs.items() if run.summary is not None}

    def numbers(self, key: str) -> dict[str, float]:
        """Returns a number of the summaries, by seed, where there is one."""
        found = {seed: run.number(key) for seed, run in self.finished.items()}
        return {seed: number for seed, number in found.items() if number is not None}


def varying_columns(runs: Sequence[Run]) -> tuple[str, ...]:
    """Returns the config groups and keys that tell the cells of a sweep apart, in the words of command lines.

    A composed config follows from the choice made in each group and from the keys overridden, so those that
    vary among them are enough. A key that varies even where they agree (the config files were edited, say)
    is a column too. Seeds and paths are none.
    """
    overridden = list(dict.fromkeys(_key(o) for run in runs for o in run.overrides))
    groups = dict.fromkeys(group for run in runs for group in run.choices)
    keys = [key for key in dict.fromkeys(key for run in runs for key in run.config) if _is_setting(key)]
    chosen = [c for c in [*groups, *keys] if (c in groups or c in overridden) and _varies(c, runs)]
    chosen.sort(key=lambda c: overridden.index(c) if c in overridden else len(overridden))
    for key in keys:
        alike = defaultdict(list)
        for run in runs:
            alike[tuple(column_value(run, c) for c in chosen)].append(run)
        if key not in chosen and any(_varies(key, members) for members in alike.values()):
            chosen.append(key)
    return tuple(chosen)


def column_value(run: Run, column: str) -> str:
    """Returns the choice in a group, or the value of a key, as a command line would have it."""
    if column in run.choices:
        return run.choices[column]
    if column not in run.config:
        return ABSENT
    value = run.config[column]
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def make_cells(runs: Sequence[Run], columns: Sequence[str]) -> tuple[list[Cell], list[Problem]]:
    """Returns the cells in the order of their first runs, and which runs others have taken the place of.

    Of runs that are alike, seed and all, the last finished one counts, or the last one if none has finished.
    """
    groups: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in runs:
        groups[tuple(column_value(run, column) for column in columns)].append(run)
    cells, problems = [], []
    for found, members in groups.items():
        by_seed: dict[str, Run] = {}
        for run in sorted(members, key=lambda run: run.summary is not None):
            if run.seed in by_seed:
                problems.append(_superseded(by_seed[run.seed], run))
            by_seed[run.seed] = run
        values = dict(zip(columns, found, strict=True))
        ordered = {run.seed: by_seed[run.seed] for run in members}
        cells.append(Cell(values, label_of(values, runs[0].choices), ordered))
    return cells, problems


def label_of(values: Mapping[str, str], groups: Iterable[str]) -> str:
    """Returns the values of columns in a few words: a choice in a group needs no name; a number does."""
    parts = []
    for column, value in values.items():
        name = column.rpartition(".")[2]
        parts.append(f"no {name}" if value == ABSENT else value if column in groups else f"{name}={value}")
    return ", ".join(parts) or "all runs"


def same_everywhere(runs: Sequence[Run]) -> list[str]:
    """Returns the settings that all runs share: the choices, and the keys that command lines named."""
    overridden = {_key(o) for run in runs for o in run.overrides}
    keys = [key for key in runs[0].config if key in overridden and _is_setting(key)]
    names = [*reversed(runs[0].choices), *keys]
    return [f"{name}={column_value(runs[0], name)}" for name in names if not _varies(name, runs)]


def _superseded(run: Run, by: Run) -> Problem:
    why = "is later" if (run.summary is None) == (by.summary is None) else "has finished"
    return Problem(run.name, f"left out: {by.name} has the same settings and seed, and {why}")


def _varies(column: str, runs: Sequence[Run]) -> bool:
    return len({column_value(run, column) for run in runs}) > 1


def _is_setting(key: str) -> bool:
    return key != SEED and key.rpartition(".")[2] not in _PATHS


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]
