"""No run twice: a sweep that is started again goes on where it stopped."""

import os
import shutil
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.run_directory import (
    CHECKPOINTS,
    METRICS_FILE,
    SUMMARY_FILE,
    RunDirectory,
    run_key,
    runs_below,
)


def reuse(config: DictConfig, output: Path, sweep: Path | None) -> dict[str, Any] | None:
    """Returns the summary of a finished run that this one would repeat, and says so; None if there is none.

    A run that is finished in `output` itself is left as it is. The results of another run of the sweep are
    copied, with this run's `sort` and with `same_as`, the path from here to there.

    Args:
        config: the composed config.
        output: the run's output directory.
        sweep: the directory of the sweep it belongs to; None for a run by itself.
    """
    key = run_key(config)
    summary = RunDirectory(output).summary()
    if summary is not None and summary.get("run_key") == key:
        print(f"{output}: finished before; remove its {SUMMARY_FILE} to have it run again")
        return summary
    equal = None if sweep is None else _equal_run(key, output, sweep)
    if equal is None:
        return None
    directory, found = equal
    path = os.path.relpath(directory, output)
    clear(config, output)
    summary = {**found, "sort": config.sort.implementation, "same_as": path}
    shutil.copyfile(directory / METRICS_FILE, output / METRICS_FILE)
    RunDirectory(output).write_summary(summary)
    print(f"{output}: the same run as {path}, whose results it takes")
    return summary


def clear(config: DictConfig, output: Path) -> None:
    """Removes what another run has left in `output`, unless it is there that this run goes on.

    Otherwise its summary could be taken for this run's, and its checkpoints stand in the way.
    """
    resume = config.trainer.resume
    if resume is not None and Path(resume).resolve().is_relative_to(output.resolve()):
        return
    (output / SUMMARY_FILE).unlink(missing_ok=True)
    if (output / CHECKPOINTS).is_dir():
        shutil.rmtree(output / CHECKPOINTS)


def _equal_run(key: str, output: Path, sweep: Path) -> tuple[Path, dict[str, Any]] | None:
    """Finds a run of the sweep that was trained with this key and has all that is copied."""
    for run in runs_below(sweep):
        directory, summary = run.path, run.summary()
        if summary is None or summary.get("run_key") != key or "same_as" in summary:
            continue
        if directory.resolve() != output.resolve() and (directory / METRICS_FILE).is_file():
            return directory, summary
    return None
