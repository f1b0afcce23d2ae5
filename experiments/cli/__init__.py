"""A Hydra entry point that answers a typo with one line instead of a traceback.

A script calls :func:`run` and does nothing else. What the user typed is checked first, for every
job of a sweep, so a mistake costs neither a half-made output directory nor the jobs before it.
Hydra then runs as it always does, with all its flags.

- A mistake of the user's is one line on stderr, ``error: what: why; what to write instead``, and
  exit status 2. A task reports its own by raising :class:`experiments.errors.UserError`.
- A bug keeps its traceback and exit status 1. An interrupt exits with 130.
- A job that fails leaves its reason in its directory, as ``error.txt``, until it succeeds.
- A job of a sweep that fails leaves the others running, and each that failed gets a line at the
  end. That is so with every launcher where ``hydra/sweeper=grid``; with another sweeper, only the
  first to fail in a process of its own does.
- ``HYDRA_FULL_ERROR=1`` brings every traceback back.

What a user may set is what the configs declare; :mod:`experiments.cli.checks` has the rules.
``hydra/sweeper=grid`` and ``hydra/launcher=process`` are explained where they are defined, in
:mod:`experiments.cli.sweeper` and :mod:`experiments.cli.process_launcher`.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import hydra
from omegaconf import DictConfig

from experiments.cli.checks import check_command_line
from experiments.cli.environment import FULL_ERROR, OUTCOME, environment
from experiments.cli.failures import BUG, INTERRUPTED, MISTAKE, Failure, JobError
from experiments.cli.guard import Guard
from experiments.cli.plugins import register_plugins
from experiments.cli.wording import CONFIG_ERRORS, describe
from experiments.hydra_versions import MAIN

__all__ = ["run"]


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
    full_error = os.environ.get(FULL_ERROR)
    guard = Guard(task, full_error)
    failures = guard.failures
    register_plugins()
    try:
        # Made before the checks, because making it sets the version whose rules they follow.
        main = hydra.main(config_path=str(config_dir.absolute()), config_name=config_name, **MAIN)(guard)
        if check_command_line(task, config_dir, config_name):
            sys.argv.insert(1, "--multirun")  # Hydra 1.4 wants to know before it reads experiment files
        # Hydra prints its errors in several lines and exits, unless told to raise them.
        with environment(FULL_ERROR, "1"):
            main()
    except KeyboardInterrupt:
        failures.append(Failure("interrupted", INTERRUPTED))
    except JobError as error:
        if not failures:  # else the job ran in this process and has been noted already
            failures.append(error.failure)
    except CONFIG_ERRORS as error:
        if full_error == "1":
            traceback.print_exception(error)
        failures.append(Failure(describe(error), MISTAKE))
    if (outcome := os.environ.get(OUTCOME)) is not None:
        Path(outcome).write_bytes(pickle.dumps(failures[0] if failures else guard.value))
    if failures:
        _exit(failures, part_of_sweep=outcome is not None)


def _exit(failures: list[Failure], *, part_of_sweep: bool) -> NoReturn:
    statuses = {failure.status for failure in failures}
    for failure in failures:
        if failure.line is not None and not (part_of_sweep and failure.status == INTERRUPTED):
            print(failure.line, file=sys.stderr)
    sys.exit(next(status for status in (INTERRUPTED, BUG, MISTAKE) if status in statuses))
