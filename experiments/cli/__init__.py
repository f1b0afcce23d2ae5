"""A Hydra entry point that answers a typo with one line instead of a traceback.

A script calls :func:`run` and does nothing else. What the user typed is checked first, for every
job of a sweep, so a mistake costs neither a half-made output directory nor the jobs before it.
Hydra then runs as it always does, with all its flags.

- A mistake of the user's is one line on stderr, ``error: what: why; what to write instead``, and
  exit status 2. A task reports its own by raising :class:`experiments.errors.UserError`.
- A bug keeps its traceback and exit status 1. An interrupt exits with 130.
- A job of a sweep that fails leaves the others running, and each that failed gets a line at the
  end. From a launcher with processes of its own, only the first does; all have it in their logs.
- ``HYDRA_FULL_ERROR=1`` brings every traceback back.

What a user may set is what the configs declare; :mod:`experiments.cli.checks` has the rules.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.cli.checks import check_command_line
from experiments.cli.wording import CONFIG_ERRORS, describe, one_line
from experiments.errors import UserError

__all__ = ["run"]

_MISTAKE, _BUG, _INTERRUPTED = 2, 1, 130
_FULL_ERROR = "HYDRA_FULL_ERROR"

_log = logging.getLogger(__name__)


def run(task: Callable[[DictConfig], object], *, config_dir: Path, config_name: str) -> None:
    """Runs ``task`` on the config that the command line asks for, once or as a sweep.

    Args:
        task: What to do with a composed config. A sweeper that optimises gets what it returns.
            Resolvers that the configs use must be registered before this call.
        config_dir: The folder of the configs.
        config_name: The main config in it, without ``.yaml``.

    Raises:
        SystemExit: If anything failed. Its code is 2 after a mistake of the user's, 1 after a bug,
            130 after an interrupt.
    """
    full_error = os.environ.get(_FULL_ERROR)
    failures: list[_Failure] = []
    try:
        # Made before the checks, because making it sets the version whose rules they follow.
        main = hydra.main(
            version_base="1.3", config_path=str(config_dir.absolute()), config_name=config_name
        )(_guard(task, failures, full_error))
        check_command_line(task, config_dir, config_name)
        # Hydra prints its errors in several lines and exits, unless told to raise them.
        with _environment(_FULL_ERROR, "1"):
            main()
    except KeyboardInterrupt:
        failures.append(_Failure("interrupted", _INTERRUPTED))
    except _JobError as error:
        if not failures:  # else the job ran in this process and has been noted already
            failures.append(error.failure)
    except CONFIG_ERRORS as error:
        if full_error == "1":
            traceback.print_exception(error)
        failures.append(_Failure(f"error: {describe(error)}", _MISTAKE))
    if failures:
        _exit(failures)


@dataclass(frozen=True)
class _Failure:
    line: str | None  # None where a traceback has said it all
    status: int


class _JobError(Exception):
    """Carries a failure through a launcher or a sweeper that must learn of it."""

    def __init__(self, failure: _Failure) -> None:
        super().__init__(failure)  # as the only argument, so that it survives pickling
        self.failure = failure


def _exit(failures: list[_Failure]) -> NoReturn:
    for failure in failures:
        if failure.line is not None:
            print(failure.line, file=sys.stderr)
    statuses = {failure.status for failure in failures}
    sys.exit(next(status for status in (_INTERRUPTED, _BUG, _MISTAKE) if status in statuses))


def _guard(
    task: Callable[[DictConfig], object], failures: list[_Failure], full_error: str | None
) -> Callable[[DictConfig], object]:
    """Makes ``task`` note its failures rather than raise them, where Hydra can do without."""

    @functools.wraps(task)  # Hydra names the job after the file or module of what is wrapped
    def guarded(config: DictConfig) -> object:
        try:
            with _environment(_FULL_ERROR, full_error):
                return task(config)
        except Exception as error:
            failure = _failure(error, full=full_error == "1")
        failures.append(failure)
        if not _failures_stay_here():
            raise _JobError(failure)
        return None

    return guarded


def _failure(error: Exception, *, full: bool) -> _Failure:
    """Tells a mistake from a bug, and prints a bug's traceback while it is still at hand."""
    cause: BaseException | None = error
    while isinstance(cause, InstantiationException):
        cause = cause.__cause__
    mistake = isinstance(cause, UserError)
    if full or not mistake:
        # The first frame is the guard's, which is of interest to nobody.
        frames = error.__traceback__
        traceback.print_exception(error.with_traceback(frames and frames.tb_next))
    reason = str(cause) if mistake else f"{type(error).__name__}: {error}"
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        reason = f"{' '.join(HydraConfig.get().overrides.task)}: {reason}"
        _log.error(one_line(reason))  # now, in the job's log: the end of a sweep may be hours away
    elif not mistake:
        return _Failure(None, _BUG)
    return _Failure(f"error: {one_line(reason)}", _MISTAKE if mistake else _BUG)


def _failures_stay_here() -> bool:
    """Whether what a job notes reaches :func:`run`, and nothing waits for what it returns."""
    config = HydraConfig.get()
    return config.mode != RunMode.MULTIRUN or all(
        config.runtime.choices.get(group) == "basic" for group in ("hydra/launcher", "hydra/sweeper")
    )


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    before = os.environ.get(name)
    _set_environment(name, value)
    try:
        yield
    finally:
        _set_environment(name, before)


def _set_environment(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
