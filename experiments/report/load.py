"""Reads the runs of a sweep as they lie on disk. Nothing in them is trusted; what is damaged is named."""

import itertools
import json
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from experiments.errors import UserError
from experiments.files import UnreadableError, read_json, read_json_lines, read_yaml
from experiments.run_directory import HYDRA, METRICS_FILE, SUMMARY_FILE, RunDirectory, flat, runs_below
from experiments.sweeps.grid import every_job, grid

SEED = "seed"  # the key that tells replicates apart

NO_CURVE = pd.DataFrame({"seconds": [], "value": []}, pd.Index([], dtype=int, name="step"), dtype=float)

LARGEST = 1e100  # greater numbers overflow as they are added or drawn

_MULTIRUN = "multirun.yaml"
_MOST_STEPS = 10**12
_MOST_JOBS = 100_000
_LONGEST, _LONGEST_COMMAND = 300, 20_000  # characters
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


class Problem(NamedTuple):
    """Something to know before trusting the rest: the run or sweep it is about, and a sentence."""

    where: str
    what: str


class Multirun(NamedTuple):
    """A sweep that Hydra ran: its command line, and whether its jobs ran one after the other in a process."""

    overrides: tuple[str, ...]
    in_one_process: bool


@dataclass(frozen=True, eq=False)
class Run:
    """What one run has left.

    Attributes:
        path: its directory.
        name: the path below the sweep's directory.
        choices: the choice made in each config group.
        config: values of the composed config as a command line would have them, by dotted key.
        overrides: what its command line said.
        order: sorts runs as their sweep started them.
        curves: training loss and headline validation metric of a finished run, by their keys in
            `metrics.jsonl`; each has a row a step, in order, with `seconds` (NaN if not known) and `value`.
        summary: the content of `summary.json`; None if the run has not finished.
        error: why its last attempt failed, in a line; None if it did not.
    """

    path: Path
    name: str
    choices: dict[str, str]
    config: dict[str, str]
    overrides: tuple[str, ...]
    order: tuple[str, int, str]
    curves: dict[str, pd.DataFrame]
    summary: dict[str, Any] | None
    error: str | None = None

    @property
    def seed(self) -> str:
        """The seed, as text: a command line may have said anything."""
        return self.config.get(SEED, "none")

    @property
    def settings(self) -> dict[str, str]:
        """Its config values and its choices; where both have a name, the choice counts."""
        return {**self.config, **self.choices}

    def number(self, key: str) -> float | None:
        """Returns a number of the summary; None if it has none, or one with which nothing can be computed."""
        value = number((self.summary or {}).get(key))
        return value if value is not None and abs(value) < LARGEST else None

    def fact(self, key: str) -> str | None:
        """Returns something else that the summary tells, as text; None if it does not."""
        return as_text((self.summary or {}).get(key))

    def curve(self, key: str) -> pd.DataFrame:
        """Returns one of the curves; it is empty where the run has none."""
        return self.curves.get(key, NO_CURVE)


def number(value: object) -> float | None:
    """Returns a number as a float; None for anything else, and for what no float can hold.

    >>> number(3), number(True), number("3"), number(10**4000)
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def as_text(value: object) -> str | None:
    """Returns a word or a number as text, of reasonable length; None for anything else."""
    return clean(str(value)[:_LONGEST]) or None if isinstance(value, str | int | float) else None


def clean(text: str) -> str:
    """Returns text that can be shown in a line: without control characters and halves of surrogate pairs.

    >>> clean("a choice" + chr(10) + "of two lines")
    'a choice of two lines'
    """
    return _UNSHOWABLE.sub(" ", text)


def read_runs(directory: Path) -> tuple[list[Run], list[Problem]]:
    """Reads the runs at and below a directory.

    Returns:
        The runs, as their sweeps started them; and what is wrong with them, a run whose config cannot be read
        being among the problems only.

    Raises:
        UserError: there is no such directory, or no finished run in it.
    """
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory; give the output directory of a sweep.")
    runs: list[Run] = []
    problems: list[Problem] = []
    for found in runs_below(directory):
        at_top = found.path == directory
        name = clean(directory.resolve().name if at_top else str(found.path.relative_to(directory)))
        try:
            run, complaints = _read_run(found, name)
        except (UnreadableError, ValueError) as error:  # the latter of numbers too long to write
            complaints = [f"{clean(str(error))}: left out, since nothing else tells what was run"]
        else:
            runs.append(run)
        problems += [Problem(name, complaint) for complaint in dict.fromkeys(complaints)]
    if all(run.summary is None for run in runs):
        raise UserError(f"{directory}: no finished run in it that can be read (no {SUMMARY_FILE}).")
    return sorted(runs, key=lambda run: run.order), problems


def read_multiruns(directory: Path) -> tuple[list[Multirun], list[Problem], int]:
    """Reads the sweeps at and below a directory.

    Returns:
        The sweeps, what is wrong with them, and how many of their jobs have never begun.
    """
    multiruns: list[Multirun] = []
    problems: list[Problem] = []
    missing = 0
    for path in sorted(directory.rglob(_MULTIRUN)):
        name = clean(str(path.relative_to(directory)))
        try:
            multirun = _read_multirun(path)
            multiruns.append(multirun)
            never = _never_begun(_jobs(multirun.overrides), path.parent)
        except (UserError, UnreadableError, HydraException, RecursionError, ValueError) as error:
            what = clean(str(error)) or "nested too deeply"
            problems.append(Problem(name, f"whether all its jobs have run is not known ({what})"))
            continue
        missing += len(never)
        problems += [Problem(name, f"no run of `{clean(' '.join(job))}`: never begun") for job in never]
    return multiruns, problems, missing


def _read_run(found: RunDirectory, name: str) -> tuple[Run, list[str]]:
    path = found.path
    config = read_yaml(path / HYDRA / "config.yaml", dict)
    hydra = flat(read_yaml(path / HYDRA / "hydra.yaml", dict))
    begin, job = "hydra.runtime.choices.", hydra.get("hydra.job.num")
    choices = {key.removeprefix(begin): clean(str(c)) for key, c in hydra.items() if key.startswith(begin)}
    if not choices:
        raise UnreadableError(f"{HYDRA}/hydra.yaml does not tell the choices")
    complaints: list[str] = []
    rows = _read_rows(path / METRICS_FILE, complaints)
    reason = as_text((found.error() or "").removesuffix("."))
    summary, curves = None, {}
    try:
        summary = read_json(path / SUMMARY_FILE)
    except UnreadableError as error:
        if reason and not rows:  # the reason says it all
            complaints.clear()
        reached = _reached(rows)
        failed = f"failed: {reason} ({reached})"
        complaints.append(failed if reason else f"{error}: failed, or still running; {reached}")
    else:
        keys = "loss", f"validation_{summary.get('metric') or 'accuracy'}"
        curves = {
            key: _read_curve(rows, key, number(summary.get("step_time_ms")), complaints) for key in keys
        }
        if reason:
            complaints.append(f"finished, but a later attempt failed: {reason}")
        last, steps = max((row["step"] for row in rows), default=math.inf), number(summary.get("steps"))
        if steps is not None and last < steps:
            complaints.append(f"{METRICS_FILE} ends at step {last:,} of {steps:,.0f}")
    sweep = next((p for p in path.parents if (p / _MULTIRUN).is_file()), path.parent)
    return Run(
        path=path,
        name=name,
        choices={group: choice for group, choice in choices.items() if not group.startswith("hydra/")},
        config={clean(key): clean(_as_typed(value)) for key, value in flat(config).items()},
        overrides=tuple(map(clean, found.overrides())),
        order=(str(sweep), job if isinstance(job, int) else 0, name),
        curves=curves,
        summary=summary,
        error=reason,
    ), complaints


def _reached(rows: list[dict[str, Any]]) -> str:
    losses = [row["loss"] for row in rows if number(row.get("loss")) is not None]
    last = f"metrics end at step {max(row['step'] for row in rows):,}" if rows else "no metrics either"
    return last + (f" with loss {losses[-1]}" if losses else "")


def _read_rows(path: Path, complaints: list[str]) -> list[dict[str, Any]]:
    """The rows up to the first that cannot be read or has no step."""
    try:
        rows, lines = read_json_lines(path)
    except UnreadableError as error:
        complaints.append(f"{error}: it has no curves")
        return []
    good = list(itertools.takewhile(_has_step, rows))
    if lines == 0:
        complaints.append(f"{path.name} is empty: it has no curves")
    elif len(good) == lines - 1:
        complaints.append(f"{path.name}: the last line is cut")
    elif len(good) < lines:
        what = f"line {len(good) + 1} cannot be read, and what follows it is left out"
        complaints.append(f"{path.name}: {what}")
    return good


def _has_step(row: dict[str, Any]) -> bool:
    return type(step := row.get("step")) is int and 0 <= step < _MOST_STEPS


def _read_curve(
    rows: list[dict[str, Any]], key: str, step_time: float | None, complaints: list[str]
) -> pd.DataFrame:
    """A curve, with the seconds by the milliseconds of a step where rows have none."""
    at = {row["step"]: row for row in rows if row.get(key) is not None}
    steps, by_step = sorted(at), math.nan if step_time is None else step_time / 1e3
    found: dict[str, list[Any]] = {
        "seconds": [at[step].get("seconds", step * by_step) for step in steps],
        "value": [at[step][key] for step in steps],
    }
    for column, values in found.items():
        if not set(map(type, values)) <= {float}:
            found[column] = list(map(number, values))
            if None in found[column]:
                what, step = key if column == "value" else column, steps[found[column].index(None)]
                complaints.append(f"{METRICS_FILE}: {clean(what)} is not a number at step {step:,}")
    return pd.DataFrame(found, pd.Index(steps, dtype=int, name="step"), dtype=float)


def _read_multirun(path: Path) -> Multirun:
    content = flat(read_yaml(path, dict))
    said = content.get("hydra.overrides.task")
    launcher = str(content.get("hydra.launcher._target_"))
    lines = said if isinstance(said, list) else []
    return Multirun(tuple(clean(str(line)) for line in lines), launcher.endswith("BasicLauncher"))


def _jobs(overrides: Sequence[str]) -> list[list[str]]:
    if sum(map(len, overrides)) > _LONGEST_COMMAND:
        raise UnreadableError("its command line is too long")
    parser = OverridesParser.create()
    axes = grid({}, parser.parse_overrides(list(overrides)), parser)
    if math.prod(map(len, axes)) >= _MOST_JOBS:
        raise UnreadableError("it has too many")
    return every_job(axes)


def _never_begun(jobs: Sequence[Sequence[str]], directory: Path) -> list[Sequence[str]]:
    begun = []
    for run in runs_below(directory):
        with suppress(UnreadableError, ValueError):
            begun.append(set(map(clean, run.overrides())))
    return [job for job in jobs if not any(said.issuperset(job) for said in begun)]


def _as_typed(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, separators=(",", ":"), default=str)
    except (ValueError, TypeError):  # more digits than Python writes, or keys that JSON has not
        return "something that cannot be shown"
