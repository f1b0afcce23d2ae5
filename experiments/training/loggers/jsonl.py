"""Lines of JSON, which every run writes and everything that reads a run relies on."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from experiments.run_files import METRICS_FILE


class JsonlLogger:
    """Writes a line of JSON a row to `metrics.jsonl`, in digits enough to compare bit for bit.

    Args:
        directory: the run's output directory.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / METRICS_FILE
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8", buffering=1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def log(self, row: Mapping[str, float]) -> None:
        """Writes a row, at once: a run that is killed keeps what it has written."""
        if self._file is None:
            raise RuntimeError("the logger is a context manager: log inside its with block.")
        print(json.dumps(dict(row)), file=self._file)


def read_metrics(directory: Path) -> list[dict[str, float]]:
    """Returns the rows of a run's `metrics.jsonl`; none where there is no such file.

    A last line cut short by a killed run is left out.
    """
    path = directory / METRICS_FILE
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows
