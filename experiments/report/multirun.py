"""What sweeps were to run: their command lines, and jobs that were never begun."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from experiments.report.files import UnreadableError, look_up, read_yaml
from experiments.report.runs import Problem, read_overrides, run_directories

_FILE = "multirun.yaml"


@dataclass(frozen=True)
class Multirun:
    """A sweep that Hydra ran.

    Attributes:
        directory: where its runs are.
        overrides: what its command line said.
        in_one_process: whether its jobs ran one after the other in the same process.
    """

    directory: Path
    overrides: tuple[str, ...]
    in_one_process: bool


def read_multiruns(directory: Path) -> tuple[list[Multirun], list[Problem]]:
    """Returns the sweeps at and below a directory, and what is wrong with them: jobs never begun, too."""
    multiruns: list[Multirun] = []
    problems: list[Problem] = []
    for path in sorted(directory.rglob(_FILE)):
        name = str(path.relative_to(directory))
        try:
            multirun = _read_multirun(path)
            multiruns.append(multirun)
            problems += [Problem(name, f"no run of `{job}`: never begun") for job in _unstarted(multirun)]
        except (UnreadableError, HydraException) as error:
            problems.append(Problem(name, f"whether all its jobs have run is not known ({error})"))
    return multiruns, problems


def _read_multirun(path: Path) -> Multirun:
    content = read_yaml(path, dict)
    overrides = look_up(content, "hydra", "overrides", "task") or []
    launcher = str(look_up(content, "hydra", "launcher", "_target_"))
    return Multirun(path.parent, tuple(map(str, overrides)), launcher.endswith("BasicLauncher"))


def _unstarted(multirun: Multirun) -> list[str]:
    begun = [_overrides(path) for path in run_directories(multirun.directory)]
    jobs = _jobs(multirun.overrides)
    return [" ".join(job) for job in jobs if not any(overrides.issuperset(job) for overrides in begun)]


def _jobs(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The overrides of each job, as Hydra's own sweeper expands them."""
    settings: dict[str, list[str]] = {}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        swept = override.is_sweep_override()
        values = override.sweep_string_iterator() if swept else [override.get_value_element_as_str()]
        settings[key] = [f"{key}={value}" for value in values]
    yield from itertools.product(*settings.values())


def _overrides(path: Path) -> set[str]:
    try:
        return set(read_overrides(path))
    except UnreadableError:
        return set()
