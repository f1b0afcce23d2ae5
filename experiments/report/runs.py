"""The runs of a sweep, as they lie on disk, and what is wrong with them."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.errors import UserError
from experiments.report.files import UnreadableError, look_up, read_object, read_rows, read_yaml
from experiments.run_directory import CHECKPOINTS, METRICS_FILE, SUMMARY_FILE

SEED = "seed"  # the key that tells replicates apart

_HYDRA = ".hydra"
_BELONGS_TO_A_RUN = (_HYDRA, CHECKPOINTS)


@dataclass(frozen=True)
class Problem:
    """Something that a reader has to know before trusting the rest.

    Attributes:
        where: the run or sweep it is about, as a path below the sweep's directory.
        what: a sentence without its full stop.
    """

    where: str
    what: str


@dataclass(frozen=True)
class Run:
    """What one run has left.

    Attributes:
        name: its path below the sweep's directory.
        choices: the choice made in each config group.
        config: values of the composed config, by dotted key.
        overrides: what its command line said.
        order: sorts runs as their sweep started them.
        rows: the rows of metrics.jsonl.
        summary: the content of summary.json; None if the run has not finished.
    """

    name: str
    choices: dict[str, str]
    config: dict[str, Any]
    overrides: tuple[str, ...]
    order: tuple[str, int, str]
    rows: list[dict[str, Any]]
    summary: dict[str, Any] | None

    @property
    def seed(self) -> str:
        """The seed, as text: a command line may have said anything."""
        return str(self.config.get(SEED))

    def number(self, key: str) -> float | None:
        """Returns a number of the summary; None if it has no such number, or one that is not finite."""
        value = (self.summary or {}).get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return float(value)


def read_runs(directory: Path) -> tuple[list[Run], list[Problem]]:
    """Returns the runs at and below a directory as their sweeps started them, and what is wrong with them.

    A run whose config cannot be read is among the problems only.

    Raises:
        UserError: there is no such directory, or no finished run in it.
    """
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory; give the output directory of a sweep.")
    runs: list[Run] = []
    problems: list[Problem] = []
    for path in run_directories(directory):
        name = directory.resolve().name if path == directory else str(path.relative_to(directory))
        try:
            run, complaints = _read_run(path, name)
        except UnreadableError as error:
            problems.append(Problem(name, f"{error}: left out, since nothing else tells what was run"))
            continue
        runs.append(run)
        problems += [Problem(name, complaint) for complaint in complaints]
    if all(run.summary is None for run in runs):
        raise UserError(f"{directory}: no finished run in it that can be read (no {SUMMARY_FILE}).")
    return sorted(runs, key=lambda run: run.order), problems


def run_directories(directory: Path) -> Iterator[Path]:
    """Yields the directories, at and below this one, that hold anything of a run."""
    for path, below, files in os.walk(directory):
        if _HYDRA in below or SUMMARY_FILE in files or METRICS_FILE in files:
            yield Path(path)
        below[:] = sorted(set(below).difference(_BELONGS_TO_A_RUN))


def read_overrides(path: Path) -> tuple[str, ...]:
    """Returns the overrides of the run in a directory.

    Raises:
        UnreadableError: of the file.
    """
    return tuple(map(str, read_yaml(path / _HYDRA / "overrides.yaml", list)))


def _read_run(path: Path, name: str) -> tuple[Run, list[str]]:
    config = read_yaml(path / _HYDRA / "config.yaml", dict)
    hydra = read_yaml(path / _HYDRA / "hydra.yaml", dict)
    overrides = read_overrides(path)
    choices = look_up(hydra, "hydra", "runtime", "choices")
    if not isinstance(choices, dict):
        raise UnreadableError(f"{_HYDRA}/hydra.yaml does not tell the choices")
    rows, complaints = read_rows(path / METRICS_FILE)
    summary = None
    try:
        summary = read_object(path / SUMMARY_FILE)
    except UnreadableError as error:
        complaints.append(f"{error}: failed, or still running; {_reached(rows)}")
    steps = (summary or {}).get("steps")
    if rows and isinstance(steps, int) and _last_step(rows) < steps:
        complaints.append(f"{METRICS_FILE} ends at step {_last_step(rows):,} of {steps:,}")
    run = Run(
        name=name,
        choices={group: str(choice) for group, choice in choices.items() if not group.startswith("hydra/")},
        config=dict(_flat(config)),
        overrides=overrides,
        order=_order(path, name, hydra),
        rows=rows,
        summary=summary,
    )
    return run, complaints


def _order(path: Path, name: str, hydra: dict[str, Any]) -> tuple[str, int, str]:
    """By sweep, then by the number of the job in it; runs by themselves by name."""
    number = look_up(hydra, "hydra", "job", "num")
    sweep = next((p for p in path.parents if (p / "multirun.yaml").is_file()), path.parent)
    return str(sweep), number if isinstance(number, int) else 0, name


def _reached(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "no metrics either"
    losses = [row["loss"] for row in rows if "loss" in row]
    return f"metrics end at step {_last_step(rows):,}" + (f" with loss {losses[-1]}" if losses else "")


def _last_step(rows: list[dict[str, Any]]) -> int:
    return max(row["step"] for row in rows)


def _flat(section: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
