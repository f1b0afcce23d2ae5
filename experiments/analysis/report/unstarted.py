"""Jobs that a sweep was to run and never began."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from experiments.analysis.report.files import UnreadableError, read_yaml
from experiments.analysis.report.runs import Problem, read_overrides, run_directories

SWEEP_FILE = "multirun.yaml"


def unstarted_jobs(directory: Path) -> list[Problem]:
    """Returns a problem for each job of a multirun.yaml, at or below a directory, that has left no run."""
    problems: list[Problem] = []
    for sweep in sorted(directory.rglob(SWEEP_FILE)):
        name = str(sweep.relative_to(directory))
        try:
            jobs = list(_jobs(sweep_overrides(sweep)))
        except (UnreadableError, HydraException):
            problems.append(
                Problem(name, "does not tell its jobs: whether all of them have run is not known")
            )
            continue
        begun = [set(_overrides(path)) for path in run_directories(sweep.parent)]
        missing = [job for job in jobs if not any(overrides.issuperset(job) for overrides in begun)]
        problems += [Problem(name, f"no run of {' '.join(job)}: it was never begun") for job in missing]
    return problems


def sweep_overrides(path: Path) -> list[str]:
    """Returns what the command line of a sweep said, from its multirun.yaml.

    Raises:
        UnreadableError: of the file.
    """
    hydra = read_yaml(path, dict).get("hydra") or {}
    return [str(override) for override in (hydra.get("overrides") or {}).get("task") or []]


def _jobs(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The overrides of each job, as Hydra's own sweeper expands them."""
    settings: dict[str, list[str]] = {}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        swept = override.is_sweep_override()
        values = override.sweep_string_iterator() if swept else [override.get_value_element_as_str()]
        settings[key] = [f"{key}={value}" for value in values]
    yield from itertools.product(*settings.values())


def _overrides(path: Path) -> tuple[str, ...]:
    try:
        return read_overrides(path)
    except UnreadableError:
        return ()
