"""Lines of JSON, which every run writes and everything that reads a run relies on."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from experiments.files import to_json
from experiments.run_directory import METRICS_FILE


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
        print(to_json(dict(row)), file=self._file)
