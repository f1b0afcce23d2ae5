"""What Hydra calls as a sweep goes on: a line a run, and in the end what to do with the runs."""

import shlex
import sys
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from experiments.cli.composition import lines_of
from experiments.cli.environment import Sweep, current_sweep
from experiments.run_directory import SUMMARY_FILE, RunDirectory, headline, runs_below
from experiments.sweeps.ledger import Ledger
from experiments.sweeps.time_left import described, runs_done, seconds_left


class SweepProgress(Callback):
    """Prints a line on stderr as each run of a sweep ends: how many have, how it went, how long to go.

    The jobs print it, so it shows with every launcher whose jobs share the terminal. Runs by themselves have
    their own progress.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Forgets an earlier attempt at the same sweep."""
        Ledger(Path(config.hydra.sweep.dir)).clear()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Notes that a run begins."""
        if (sweep := current_sweep()) is not None:
            output = Path(config.hydra.runtime.output_dir)
            Ledger(sweep.directory).note(str(output), "began", _written(output))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Notes that a run ends, and prints its line."""
        del job_return  # what counts is on disk: the run may have been in another process
        if (sweep := current_sweep()) is None:
            return
        output, ledger = Path(config.hydra.runtime.output_dir), Ledger(sweep.directory)
        run, written, summary = str(output), _written(output), RunDirectory(output).summary() or {}
        before = [entry.summary for entry in ledger.entries() if (entry.run, entry.event) == (run, "began")]
        trained = written not in (0, *before) and "same_as" not in summary
        ledger.note(run, "trained" if trained else "passed", written)

        entries = ledger.entries()
        while entries and entries[-1].run != run:  # ended at the same time, and counts itself
            entries.pop()
        done, left = runs_done(entries), seconds_left(entries, sweep.jobs)
        line = f"[{done}/{sweep.jobs}] {_name(config, sweep)}: {_result(output, summary)}"
        if left is not None and done < sweep.jobs:
            line += f", about {described(left)} left"
        sys.stderr.write(line + "\n")  # at once: others may be writing

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Says what to do with the runs."""
        directory = Path(config.hydra.sweep.dir)
        Ledger(directory).clear()
        if runs := sum(run.summary() is not None for run in runs_below(directory)):
            report = f"python scripts/report.py {shlex.quote(str(directory))}"
            print(f"{runs} runs in {directory}; {report} draws them")


def _written(output: Path) -> int:
    try:
        return (output / SUMMARY_FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _name(config: DictConfig, sweep: Sweep) -> str:
    """What tells a run from the others of its sweep; all of its command line where it is the only one."""
    lines = lines_of(config.hydra.overrides.task)
    return " ".join(
        line for line in lines if line.partition("=")[0].lstrip("+~") in sweep.varying or not sweep.varying
    )


def _result(output: Path, summary: dict[str, Any]) -> str:
    if (reason := RunDirectory(output).error()) is not None:
        return f"failed: {reason.removesuffix('.')}"
    metric, value = headline(summary)
    if value is None:
        return "ended"
    return f"test {metric} {value:.4f}" + (", taken from an equal run" if "same_as" in summary else "")
