"""The task as Hydra gets it: one whose failures are noted rather than raised, where that will do."""

import functools
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.cli.complaints import one_line
from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.distributed import is_first
from experiments.training.signals import Stopped, ended_by_signals

MISTAKE, BUG = 2, 1  # exit statuses


@dataclass(frozen=True)
class Failure:
    """Why a job has no result.

    Attributes:
        reason: in one line.
        status: the exit status it deserves.
        job: what the command line of the job said, in a sweep.
    """

    reason: str
    status: int
    job: str = ""


class JobError(Exception):
    """Carries a failure, its only argument, through a launcher or a sweeper that must learn of it."""


class Job:
    """Calls a task; Hydra, its sweepers and its launchers take it for the task.

    A job of a sweep that fails leaves its config and the reason in its directory; it returns the failure to a
    sweeper that says it collects them, and raises it with another.

    Args:
        task: what to do with a composed config.
        full: whether every traceback is printed.

    Attributes:
        failures: what has gone wrong and reached this process.
        jobs: how many jobs the sweep had that failures were collected from; 0 if there was none.
        existing: the directory above which, and which, nothing is removed.
    """

    def __init__(self, task: Callable[[DictConfig], object], *, full: bool) -> None:
        functools.update_wrapper(self, task)  # Hydra names the job after the file or module of the task
        self.full = full
        self.failures: list[Failure] = []
        self.jobs = 0
        self.existing: Path | None = None
        self._task = task

    def __call__(self, config: DictConfig) -> object:
        """Runs a job; returns what the task does, or what is to stand for it where it failed.

        Raises:
            Stopped: a signal has come; what the task saves in that case is saved.
        """
        hydra: Any = HydraConfig.get()
        run = RunDirectory(Path(hydra.runtime.output_dir))
        had_begun = run.is_run
        try:
            with ended_by_signals():
                value = self._task(config)
        except Stopped:
            self._remove_what_is_empty(run)
            raise
        except Exception as error:
            failure, trace = self._told(error, hydra)
        else:
            if is_first():
                run.forget_error()
            return value
        if hydra.mode == RunMode.MULTIRUN:
            if is_first():
                keep_failure(run, config, hydra, failure.reason, trace)
            if hydra.sweeper.get("collects_failures"):
                return failure
            raise JobError(failure)
        self.failures.append(failure)
        refused = had_begun and failure.status == MISTAKE  # such as that it is another run
        if run.is_run and is_first() and not refused:
            run.keep_error(failure.reason, trace)
        self._remove_what_is_empty(run)
        return None

    def _remove_what_is_empty(self, run: RunDirectory) -> None:
        """Removes what was made for a run that has left nothing."""
        for folder in (run.path, *run.path.parents):
            if self.existing in (None, folder):
                break
            with suppress(OSError):
                folder.rmdir()

    def _told(self, error: Exception, hydra: DictConfig) -> tuple[Failure, str]:
        """Tells a mistake from a bug, whose traceback is printed, or kept with a job of a sweep."""
        cause: BaseException | None = error
        while isinstance(cause, InstantiationException):
            cause = cause.__cause__
        mistake, swept = isinstance(cause, UserError), hydra.mode == RunMode.MULTIRUN
        frames = error.__traceback__
        trace = "".join(traceback.format_exception(error.with_traceback(frames and frames.tb_next)))
        if self.full or not (mistake or swept):
            print(trace, end="", file=sys.stderr)
        reason = one_line(str(cause) if mistake else f"{type(error).__name__}: {error}")
        job = " ".join(hydra.overrides.task) if swept else ""
        return Failure(reason, MISTAKE if mistake else BUG, job), "" if mistake else trace


def keep_failure(
    run: RunDirectory, config: DictConfig, hydra: DictConfig, reason: str, trace: str = ""
) -> None:
    """Leaves what the report wants of a job that failed, but where another has been finished."""
    with suppress(OSError):  # of a full disk there are other signs
        if run.summary() is None:
            if not run.is_run:
                run.begin(config, hydra)
            run.keep_error(reason, trace)
