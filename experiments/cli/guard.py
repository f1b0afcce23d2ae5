"""The task as Hydra gets it: one whose failures are noted rather than raised, where that will do."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.cli.composition import lines_of
from experiments.cli.environment import FULL_ERROR, environment
from experiments.cli.failures import (
    BUG,
    MISTAKE,
    Failure,
    JobError,
    traceback_of,
)
from experiments.cli.plugins import COLLECTING_SWEEPER, LISTING_SWEEPERS
from experiments.cli.wording import one_line
from experiments.errors import UserError
from experiments.run_directory import RunDirectory

_log = logging.getLogger(__name__)


class Guard:
    """Calls a task; Hydra, its sweepers and its launchers take it for the task.

    Args:
        task: what to do with a composed config.
        full_error: what the user has set ``HYDRA_FULL_ERROR`` to, which the task is to find.

    Attributes:
        failures: what has gone wrong and reached this process.
        value: what the task returned last.
    """

    def __init__(self, task: Callable[[DictConfig], object], full_error: str | None) -> None:
        functools.update_wrapper(self, task)  # Hydra names the job after the file or module of the task
        self.full_error = full_error
        self.failures: list[Failure] = []
        self.value: object = None
        self._task = task

    def __call__(self, config: DictConfig) -> object:
        """Runs a job; returns what the task does, or what is to stand for it where it failed."""
        directory = Path(HydraConfig.get().runtime.output_dir)
        RunDirectory(directory).forget_error()
        try:
            with environment(FULL_ERROR, self.full_error):
                self.value = self._task(config)
            return self.value
        except Exception as error:
            failure = _failure(error, directory, full=self.full_error == "1")
        return self.settle(failure)

    def settle(self, failure: Failure) -> Failure | None:
        """Passes a job's failure on, and returns what the job is to return in its place.

        Raises:
            JobError: the sweeper must learn of it, and has no other way to.
        """
        hydra = HydraConfig.get()
        sweeper = hydra.runtime.choices.get("hydra/sweeper")
        if hydra.mode == RunMode.MULTIRUN and sweeper == COLLECTING_SWEEPER:
            return failure
        here = hydra.mode != RunMode.MULTIRUN or (
            sweeper in LISTING_SWEEPERS and hydra.runtime.choices.get("hydra/launcher") == "basic"
        )
        self.failures.append(failure)
        if not here:
            raise JobError(failure)
        return None


def _failure(error: Exception, directory: Path, *, full: bool) -> Failure:
    """Tells a mistake from a bug, keeps it, and prints a bug's traceback while it is still at hand."""
    cause: BaseException | None = error
    while isinstance(cause, InstantiationException):
        cause = cause.__cause__
    mistake = isinstance(cause, UserError)
    trace = traceback_of(error)
    reason = one_line(str(cause) if mistake else f"{type(error).__name__}: {error}")
    RunDirectory(directory).keep_error(reason, "" if mistake else trace)
    if full or not mistake:
        print(trace, end="", file=sys.stderr)
    job = ""
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        job = " ".join(lines_of(HydraConfig.get().overrides.task))
        _log.error(f"{job}: {reason}")  # now, in the job's log: the end of a sweep may be hours away
    return Failure(reason, MISTAKE if mistake else BUG, job, told=not mistake)
