"""What travels from a process to those it starts: environment variables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FULL_ERROR = "HYDRA_FULL_ERROR"
SWEEP = "DIFFSORT_SWEEP"  # the sweep that a process is part of
OUTCOME = "DIFFSORT_OUTCOME"  # the file where a job in a process of its own leaves what came of it


@dataclass(frozen=True)
class Sweep:
    """What a job knows of the sweep it belongs to.

    Attributes:
        directory: ``hydra.sweep.dir``, absolute.
        jobs: how many there are.
        varying: the keys and groups that differ between them.
    """

    directory: Path
    jobs: int
    varying: tuple[str, ...]

    def announce(self) -> None:
        """Makes this the sweep of all jobs that begin from now on."""
        os.environ[SWEEP] = json.dumps([str(self.directory), self.jobs, self.varying])


def current_sweep() -> Sweep | None:
    """Returns the sweep that the job in this process belongs to; None for a run by itself."""
    announced = os.environ.get(SWEEP)
    if announced is None:
        return None
    directory, jobs, varying = json.loads(announced)
    return Sweep(Path(directory), jobs, tuple(varying))


@contextmanager
def environment(name: str, value: str | None) -> Iterator[None]:
    """Sets a variable, or removes it, and puts it back afterwards."""
    before = os.environ.get(name)
    _set(name, value)
    try:
        yield
    finally:
        _set(name, before)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
