"""`hydra/launcher=process`: every job in a fresh Python process, one at a time.

What one job has compiled or allocated then tells nothing of the next, which is what times and memory are
compared under. Starting Python and JAX takes a few seconds a job. A job that is killed fails like any other.
"""

import logging
import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import cloudpickle  # type: ignore[import-untyped, unused-ignore]
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from experiments.cli.jobs import BUG, INTERRUPTED, Failure, JobError, keep_failure
from experiments.run_directory import RunDirectory

_log = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")
_FORWARDED = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1


class ProcessLauncher(Launcher):
    """Starts a job's process, waits for it, and starts the next."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Takes what Hydra has prepared."""
        self._context, self._task, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Runs the jobs in turn."""
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        _log.info(f"Launching {len(job_overrides)} jobs, each in a process of its own")
        return [self._run(number, job) for number, job in enumerate(job_overrides, initial_job_idx)]

    def _run(self, number: int, overrides: Sequence[str]) -> JobReturn:
        _log.info(f"\t#{number} : {' '.join(filter_overrides(overrides))}")
        config = self._context.config_loader.load_sweep_config(self._config, list(overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        receiving, sending = _spawn.Pipe(duplex=False)
        job = cloudpickle.dumps((Singleton.get_state(), self._task, config, self._context))
        process = _spawn.Process(target=_run_here, args=(sending, job))
        process.start()
        sending.close()
        result = _result(process, receiving)
        return result or self._died(config, overrides, f"its process {_ending(process.exitcode or 0)}")

    def _died(self, config: DictConfig, overrides: Sequence[str], reason: str) -> JobReturn:
        """What stands for the result of a job that could not tell of it, nor tell the callbacks."""
        before = HydraConfig.instance().cfg
        HydraConfig.instance().set_config(config)
        try:
            output = Path(config.hydra.sweep.dir, str(config.hydra.sweep.subdir)).absolute()
            with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
                config.hydra.runtime.output_dir = str(output)
            task = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            keep_failure(RunDirectory(output), task, config.hydra, reason)
            failure = Failure(reason, BUG, " ".join(filter_overrides(overrides)))
            collected = config.hydra.sweeper.get("collects_failures")
            result = JobReturn(overrides, task, config, os.getcwd())
            result.status = JobStatus.COMPLETED if collected else JobStatus.FAILED
            result.return_value = failure if collected else JobError(failure)
            self._context.callbacks.on_job_end(config=config, job_return=result)
        finally:
            HydraConfig.instance().cfg = before
        return result


def _run_here(answer: Connection, job: bytes) -> None:
    """What the process of a job does: it runs it, and sends what came of it."""
    os.setpgid(0, 0)  # Ctrl-C in a terminal reaches the sweep alone, which hands it on
    setup_globals()
    state, task, config, context = pickle.loads(job)  # noqa: S301 (our own)
    Singleton.set_state(state)
    try:
        result = run_job(task, config, "hydra.sweep.dir", "hydra.sweep.subdir", context)
        answer.send_bytes(cloudpickle.dumps(result))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _result(process: BaseProcess, receiving: Connection) -> JobReturn | None:
    """Waits for what a job's process sends; None if it dies before.

    Signals are handed on to it. One that ends it ends the sweep.
    """
    result: JobReturn | None = None
    came: list[int] = []

    def forward(number: int, _: object) -> None:
        came.append(number)
        with suppress(ProcessLookupError):
            os.kill(process.pid or os.getpid(), number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        with suppress(EOFError):
            result = pickle.loads(receiving.recv_bytes())  # noqa: S301 (our own)
        process.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    status = process.exitcode or 0
    if came or status > 128 or status == -signal.SIGINT:
        raise SystemExit(128 + came[0] if came else max(status, INTERRUPTED))
    return result


def _ending(status: int) -> str:
    """How a process ended that could not say so itself."""
    if status >= 0:
        return f"ended with exit status {status} before it had a result"
    name = signal.Signals(-status).name
    return f"was ended by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
