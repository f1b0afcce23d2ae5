"""What finished runs have left on disk."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.run_files import CHECKPOINTS, SUMMARY_FILE


def write_summary(directory: Path, summary: Mapping[str, Any]) -> None:
    """Writes a run's summary so that nobody ever sees half of it."""
    unfinished = directory / f".{SUMMARY_FILE}.{os.getpid()}"
    unfinished.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    os.replace(unfinished, directory / SUMMARY_FILE)


def read_summary(directory: Path) -> dict[str, Any] | None:
    """Returns the summary of the run in a directory; None if it has none that can be read."""
    try:
        summary = json.loads((directory / SUMMARY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) else None


def finished_runs(directory: Path) -> Iterator[Path]:
    """Yields the directories at and below this one that have a summary, in the order of their paths."""
    for path, below, files in os.walk(directory):
        if SUMMARY_FILE in files:
            yield Path(path)
        below[:] = sorted(name for name in below if name != CHECKPOINTS and not name.startswith("."))


def headline(summary: Mapping[str, Any]) -> tuple[str, float | None]:
    """Returns the name and the value of the test metric that a run is judged by."""
    metric = summary.get("metric", "accuracy")
    return metric.replace("_", " "), summary.get(f"test_{metric}")
