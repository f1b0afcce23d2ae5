"""What runs were made with: commands, versions, device, revision."""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence

from experiments.report.multirun import Multirun
from experiments.report.numbers import UNKNOWN
from experiments.report.runs import Problem, Run

_SCRIPT = "python scripts/train.py"
_DIRTY = "-dirty"  # how git describes a checkout with changes that are not committed


def environments(runs: Sequence[Run]) -> dict[str, dict[str, list[str]]]:
    """Returns for each part of the environment which runs had which: `{part: {value: names of runs}}`.

    The parts are the device, how many there were, the git revision, and each package.
    """
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        for part, value in _environment(run):
            found[part][value].append(run.name)
    return {part: dict(values) for part, values in found.items()}


def disagreements(runs: Sequence[Run]) -> list[Problem]:
    """Returns a problem for each part that runs do not share, and for code that no revision tells."""
    problems = []
    for part, values in environments(runs).items():
        if len(values) > 1:
            shares = "; ".join(f"`{value}` ({_count(names)})" for value, names in values.items())
            problems.append(Problem("runs", f"differ in {part}: {shares}"))
        if part == "git revision":
            dirty = [name for value, names in values.items() if value.endswith(_DIRTY) for name in names]
            if dirty:
                problems.append(
                    Problem("runs", f"made with changes that were not committed: {_count(dirty)}")
                )
    return problems


def sweep_command(multirun: Multirun) -> str:
    """Returns the command that does all runs of a sweep again."""
    return f"{_SCRIPT} -m {shlex.join(multirun.overrides)}".rstrip()


def run_command(run: Run) -> str:
    """Returns the command that does this run again."""
    return f"{_SCRIPT} {shlex.join(run.overrides)}".rstrip()


def _environment(run: Run) -> Iterator[tuple[str, str]]:
    summary = run.summary or {}
    yield "git revision", str(summary.get("git_revision") or UNKNOWN)
    yield "device", str(summary.get("device") or UNKNOWN)
    yield "number of devices", str(summary.get("device_count") or UNKNOWN)
    versions = summary.get("versions")
    for package, version in (versions if isinstance(versions, dict) else {}).items():
        yield package, str(version)


def _count(names: Sequence[str]) -> str:
    return (
        f"{len(names)} run{'s' * (len(names) > 1)}: {', '.join(names)}"
        if len(names) < 4
        else f"{len(names)} runs"
    )
