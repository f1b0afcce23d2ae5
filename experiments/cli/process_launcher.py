"""``hydra/launcher=process``: every job in a fresh Python process, one at a time.

What one job has compiled or allocated then tells nothing of the next, which is what times and
memory are compared under. Starting Python and JAX takes a few seconds a job.

The process runs the same script with the job's own command line, so what it prints and leaves is
that of a single run. A job that is killed fails like any other.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from experiments.cli.composition import lines_of, parse_arguments
from experiments.cli.environment import FULL_ERROR, OUTCOME
from experiments.cli.failures import BUG, INTERRUPTED, Failure, JobError
from experiments.cli.guard import Guard
from experiments.run_directory import RunDirectory

_log = logging.getLogger(__name__)
_PATIENCE = 2.0, 10.0  # seconds for a process to end after a Ctrl-C that it got too; after an interrupt


class ProcessLauncher(Launcher):
    """Starts a job's process, waits for it, and starts the next."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Takes what Hydra has prepared."""
        self._context = hydra_context
        self._guard = cast(Guard, task_function)
        self._config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Runs the jobs in turn."""
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        _log.info(f"Launching {len(job_overrides)} jobs, each in a process of its own")
        return [self._run(number, job) for number, job in enumerate(job_overrides, initial_job_idx)]

    def _run(self, number: int, overrides: Sequence[str]) -> JobReturn:
        job = " ".join(filter_overrides(overrides))
        _log.info(f"\t#{number} : {job}")
        config = self._context.config_loader.load_sweep_config(self._config, list(overrides))
        with _running(config, number) as (sweep, output):
            value, died = self._outcome(_command(config, sweep, output), output)
            result = JobReturn(overrides, _part(config, hydra=False), _part(config, hydra=True), os.getcwd())
            result.status = JobStatus.COMPLETED
            if isinstance(value, Failure):
                try:
                    value = self._guard.settle(dataclasses.replace(value, job=job))
                except JobError as error:
                    result.status, value = JobStatus.FAILED, error
            result.return_value = value
            if died:  # else it has told the callbacks itself
                self._context.callbacks.on_job_end(config=config, job_return=result)
        return result

    def _outcome(self, command: list[str], output: Path) -> tuple[object, bool]:
        """Runs a job; returns what it hands over, and whether it died before it could."""
        RunDirectory(output).forget_error()
        with tempfile.TemporaryDirectory() as folder:
            left = Path(folder, "outcome")
            variables = {**os.environ, OUTCOME: str(left)}
            del variables[FULL_ERROR]  # which is for Hydra while it sweeps
            if self._guard.full_error is not None:
                variables[FULL_ERROR] = self._guard.full_error
            status = _wait(subprocess.Popen(command, env=variables))
            value = pickle.loads(left.read_bytes()) if left.is_file() else None  # noqa: S301 (our own)
            died = not left.is_file()
        if status in (-signal.SIGINT, INTERRUPTED):
            raise KeyboardInterrupt
        if died:
            value = Failure(f"its process {_ending(status)}", BUG)
            RunDirectory(output).keep_error(value.reason)
        return value, died


@contextmanager
def _running(config: DictConfig, number: int) -> Iterator[tuple[Path, Path]]:
    """Sets Hydra up for a job; yields the absolute paths of the sweep's directory and of the job's."""
    with open_dict(config):
        config.hydra.job.id = config.hydra.job.num = number
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)
    try:
        sweep = Path(config.hydra.sweep.dir).absolute()
        output = sweep / str(config.hydra.sweep.subdir)
        with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
            config.hydra.runtime.output_dir = str(output)
        HydraConfig.instance().set_config(config)
        yield sweep, output
    finally:
        HydraConfig.instance().cfg = before


def _command(config: DictConfig, sweep: Path, output: Path) -> list[str]:
    """The command line that makes a single run of a job."""
    flags = parse_arguments()
    given = {
        "--config-path": flags.config_path,
        "--config-name": flags.config_name,
        "--config-dir": flags.config_dir,
    }
    return [
        sys.executable,
        sys.argv[0],
        *(f"{flag}={value}" for flag, value in given.items() if value is not None),
        *lines_of(config.hydra.overrides.hydra),
        *lines_of(config.hydra.overrides.task),
        "hydra.mode=RUN",
        f"hydra.run.dir={_quoted(output)}",
        f"hydra.sweep.dir={_quoted(sweep)}",
        f"hydra.job.num={config.hydra.job.num}",
        f"hydra.job.id={config.hydra.job.id}",
    ]


def _quoted(path: Path) -> str:
    """A path as a value that Hydra reads back."""
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", str(path))
    return f"'{escaped}'"


def _part(config: DictConfig, *, hydra: bool) -> DictConfig:
    """Hydra's own part of a config, or the rest."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if (key == "hydra") is hydra])


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Waits for a process; an interrupt ends it before it goes on its way."""
    try:
        return process.wait()
    except BaseException:
        try:
            # Ctrl-C in a terminal reaches the process too. A second would cut its last words short.
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE[0])
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE[1])
        finally:
            process.kill()
            process.wait()
        raise


def _ending(status: int) -> str:
    """How a process ended that could not say so itself."""
    if status >= 0:
        return f"ended with exit status {status} before it had a result"
    name = signal.Signals(-status).name
    return f"was ended by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
