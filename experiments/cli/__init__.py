"""A Hydra entry point that answers a typo with one line instead of a traceback.

A script calls `run` and does nothing else. What the user typed is checked first, for every job of a sweep,
so a mistake costs neither a half-made output directory nor the jobs before it. Hydra then runs as it always
does, with all its flags.

- A mistake of the user's is one line on stderr, `error: what: why; what to write instead`, and exit status
  2. A task reports its own by raising `experiments.errors.UserError`.
- A bug keeps its traceback and exit status 1.
- A signal that asks to end saves what is under way and exits with 128 + its number; see
  `experiments.training.signals`.
- With `hydra/sweeper=grid`, a job that fails leaves the others running, and each that failed gets a line in
  the end; its directory has `error.txt`, with the traceback of a bug.
- `HYDRA_FULL_ERROR=1` brings every traceback back.

What a user may set is declared in `experiments.schema`. The sweeper and a launcher of a process a job are
plugins of Hydra, in `hydra_plugins/`.
"""

import atexit
import gc
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.utils import env_override
from omegaconf import DictConfig

from experiments import schema  # noqa: F401 (declares what configs may say)
from experiments.cli.checks import check, parse
from experiments.cli.complaints import CONFIG_ERRORS, describe
from experiments.cli.composer import composer
from experiments.cli.flags import parse_flags, rewrite
from experiments.cli.jobs import BUG, MISTAKE, Failure, Job, JobError
from experiments.cli.resuming import with_resumed
from experiments.hydra_versions import MAIN, register_resolver
from experiments.training.signals import Stopped, ended_by_signals

__all__ = ["run"]

register_resolver()  # with the import, so that processes of parallel launchers have it too
atexit.register(gc.freeze)  # else Python looks at a million objects for half a second before it ends


def run(task: Callable[[DictConfig], object], *, config_dir: Path, config_name: str) -> None:
    """Runs `task` on the config that the command line asks for, once or as a sweep.

    Args:
        task: what to do with a composed config. A sweeper that optimises gets what it returns. Resolvers that
            the configs use must be registered before this call.
        config_dir: the folder of the configs.
        config_name: the main config in it, without `.yaml`.

    Raises:
        SystemExit: something failed. Its code is 2 after a mistake of the user's, 1 after a bug, 128 + n
            after signal n.
    """
    job = Job(task, full=os.environ.get("HYDRA_FULL_ERROR") == "1")
    main = hydra.main(config_path=str(config_dir.absolute()), config_name=config_name, **MAIN)(job)
    try:
        with ended_by_signals():
            _prepare(job, config_dir, config_name)
            # Hydra prints its errors in several lines and exits, unless told to raise them.
            with env_override({"HYDRA_FULL_ERROR": "1"}):
                main()
    except Stopped as stopped:
        if not stopped.told:
            print(stopped, file=sys.stderr)
        raise
    except JobError as error:
        job.failures.append(error.args[0])
    except CONFIG_ERRORS as error:
        if job.full:
            traceback.print_exception(error)
        job.failures.append(Failure(describe(error), MISTAKE))
    if job.failures:
        _exit(job)


def _prepare(job: Job, config_dir: Path, config_name: str) -> None:
    """Checks `sys.argv`, and completes it."""
    flags = parse_flags()
    if flags.hydra_help or flags.shell_completion or flags.experimental_rerun:
        return  # these compose no config of ours
    with composer(flags, config_dir, config_name) as compose:
        lines = with_resumed(compose, flags.overrides, multirun=flags.multirun)
        swept, job.existing = check(compose, parse(compose, lines), flags)
    rewrite(lines, flags.overrides, multirun=swept)  # Hydra 1.4 does not look for it in experiment files


def _exit(job: Job) -> NoReturn:
    statuses = {failure.status for failure in job.failures}
    if job.jobs:
        print(f"error: {len(job.failures)} of {job.jobs} jobs failed", file=sys.stderr)
    for failure in job.failures:
        if job.jobs:
            print(f"  {failure.job}: {failure.reason}", file=sys.stderr)
        elif (failure.status == MISTAKE and failure.reason) or failure.job:
            print("error: " + ": ".join(filter(None, (failure.job, failure.reason))), file=sys.stderr)
    sys.exit(next(status for status in (BUG, MISTAKE) if status in statuses))
