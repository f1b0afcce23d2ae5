"""What Hydra calls as a sweep goes on: a line a run, and in the end what to do with the runs."""

import shlex
import sys
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.run_directory import SUMMARY_FILE, RunDirectory, headline, runs_below
from experiments.sweeps.ledger import Ledger
from experiments.sweeps.time_left import described, runs_done, seconds_left


class SweepProgress(Callback):
    """Prints a line on stderr as each run of a sweep ends: how many have, how it went, how long to go.

    The jobs print it, so it shows with every launcher whose jobs share the terminal. It needs what
    `hydra/sweeper=grid` notes of the sweep. Runs by themselves have their own progress.
    """

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Notes that a run begins."""
        if (ledger := _ledger(config)) is not None:
            ledger.note(config.hydra.runtime.output_dir, "began")

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Notes that a run ends, and prints its line."""
        del job_return  # what counts is on disk: the run may have been in another process
        if (ledger := _ledger(config)) is None:
            return
        run = RunDirectory(Path(config.hydra.runtime.output_dir))
        jobs, varying, entries = ledger.read()
        began = max((entry.time for entry in entries if entry.run == str(run.path)), default=0.0)
        summary = run.summary() or {}
        trained = summary and "same_as" not in summary and (run.path / SUMMARY_FILE).stat().st_mtime > began
        ledger.note(str(run.path), "trained" if trained else "passed")

        entries = ledger.read()[2]
        while entries and entries[-1].run != str(run.path):  # ended at the same time, and counts itself
            entries.pop()
        done, left = runs_done(entries), seconds_left(entries, jobs)
        lines = config.hydra.overrides.task
        names = [line for line in lines if not varying or line.partition("=")[0].lstrip("+~") in varying]
        line = f"[{done}/{jobs}] {' '.join(names)}: {_result(run, summary)}"
        if left is not None and done < jobs:
            line += f", about {described(left)} left"
        sys.stderr.write(line + "\n")  # at once: others may be writing

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Says what to do with the runs."""
        directory = Path(config.hydra.sweep.dir)
        Ledger(directory).path.unlink(missing_ok=True)
        if runs := sum(run.summary() is not None for run in runs_below(directory)):
            report = f"python scripts/report.py {shlex.quote(str(directory))}"
            print(f"{runs} runs in {directory}; {report} draws them")


def _ledger(config: DictConfig) -> Ledger | None:
    """The ledger of the sweep that a job belongs to; None for a run by itself, or where nothing is noted."""
    ledger = Ledger(Path(config.hydra.runtime.cwd, config.hydra.sweep.dir))
    return ledger if config.hydra.mode == RunMode.MULTIRUN and ledger.path.is_file() else None


def _result(run: RunDirectory, summary: dict[str, Any]) -> str:
    if run.error() is not None:
        return "failed"
    metric, value = headline(summary)
    if value is None:
        return "ended"
    return f"test {metric} {value:.4f}" + (", taken from an equal run" if "same_as" in summary else "")
