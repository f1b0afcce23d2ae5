"""`hydra/launcher=process` and `parallel`: every job in a fresh Python process, one at a time or several.

What one job has compiled or allocated then tells nothing of the next, which is what times and memory are
compared under. Starting Python and JAX takes a few seconds a job. A job that is killed fails like any other.

A signal that asks the sweep to end is handed on to its jobs, which save; no other begins. They end, too, when
the sweep is gone without a word.
"""

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import cloudpickle  # type: ignore[import-untyped, unused-ignore]
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from experiments.cli.jobs import BUG, Failure, JobError, keep_failure
from experiments.run_directory import RunDirectory
from experiments.training.signals import SIGNALS, Stopped, StopSignals

_log = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


class _Job(NamedTuple):
    """A job under way."""

    number: int
    overrides: Sequence[str]
    config: DictConfig
    process: BaseProcess


class ProcessLauncher(Launcher):
    """Starts the processes of jobs, each as soon as there is room for it.

    Args:
        n_jobs: how many run at once; -1 for as many as there are CPU cores.
    """

    def __init__(self, n_jobs: int = 1) -> None:
        self._at_once = n_jobs if n_jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + n_jobs)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Takes what Hydra has prepared."""
        self._context, self._task, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Runs the jobs.

        Raises:
            Stopped: a signal has come, to this process or to one of a job.
        """
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        _log.info(
            f"Launching {len(job_overrides)} jobs, each in a process of its own, {self._at_once} at once"
        )
        waiting = deque(enumerate(job_overrides, initial_job_idx))
        running: dict[Connection, _Job] = {}
        results: dict[int, JobReturn] = {}

        def hand_on(number: int) -> None:
            for job in running.values():
                with suppress(ProcessLookupError):
                    os.kill(job.process.pid or os.getpid(), number)

        with StopSignals(hand_on) as signals:
            while running or (waiting and signals.number is None):
                while waiting and len(running) < self._at_once and signals.number is None:
                    receiving, job = self._start(*waiting.popleft())
                    running[receiving] = job
                    if signals.number is not None:  # has come before it was among those running
                        hand_on(signals.number)
                for ready in wait([*running]):
                    assert isinstance(ready, Connection)  # noqa: S101 (what was given)
                    result = _result(ready, running[ready].process)
                    job = running.pop(ready)
                    status = job.process.exitcode or 0
                    if result is None and (status > 128 or -status in SIGNALS):
                        if signals.number is None:  # it was told by itself
                            signals.number = status - 128 if status > 128 else -status
                            hand_on(signals.number)
                    else:
                        results[job.number] = result or self._died(job)
        if signals.number is not None:
            raise Stopped(signals.number)
        return [results[number] for number in sorted(results)]

    def _start(self, number: int, overrides: Sequence[str]) -> tuple[Connection, _Job]:
        _log.info(f"\t#{number} : {' '.join(filter_overrides(overrides))}")
        config = self._context.config_loader.load_sweep_config(self._config, list(overrides))
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        receiving, sending = _spawn.Pipe(duplex=False)
        job = cloudpickle.dumps((Singleton.get_state(), self._task, config, self._context))
        process = _spawn.Process(target=_run_here, args=(os.getpid(), sending, job))
        process.start()
        sending.close()
        return receiving, _Job(number, overrides, config, process)

    def _died(self, job: _Job) -> JobReturn:
        """What stands for the result of a job that could not tell of it, nor tell the callbacks."""
        config, overrides = job.config, job.overrides
        reason = f"its process {_ending(job.process.exitcode or 0)}"
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


def _run_here(sweep: int, answer: Connection, job: bytes) -> None:
    """What the process of a job does: it runs it, and sends what came of it."""
    os.setpgid(0, 0)  # Ctrl-C in a terminal reaches the sweep alone, which hands it on
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # and has nothing to tell before the job has begun
    threading.Thread(target=_end_with, args=(sweep,), daemon=True).start()
    setup_globals()
    state, task, config, context = pickle.loads(job)  # noqa: S301 (our own)
    Singleton.set_state(state)
    result = run_job(task, config, "hydra.sweep.dir", "hydra.sweep.subdir", context)
    answer.send_bytes(cloudpickle.dumps(result))


def _end_with(sweep: int) -> None:
    """Has this process save and end where that of the sweep has been killed."""
    while os.getppid() == sweep:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def _result(receiving: Connection, process: BaseProcess) -> JobReturn | None:
    """Returns what a job's process has sent; None if it ended without."""
    result: JobReturn | None = None
    with suppress(EOFError):
        result = pickle.loads(receiving.recv_bytes())  # noqa: S301 (our own)
    process.join()
    return result


def _ending(status: int) -> str:
    """How a process ended that could not say so itself."""
    if status >= 0:
        return f"ended with exit status {status} before it had a result"
    name = signal.Signals(-status).name
    return f"was ended by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
