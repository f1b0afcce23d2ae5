"""Event files for TensorBoard."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from experiments.training.loggers.logger import numbers_of, required, values_of

FOLDER = "tensorboard"
_SECONDS_BETWEEN_WRITES = 10


class TensorboardLogger:
    """Writes event files to `tensorboard/`, a curve for every name in a row; see `Logger`.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, *, directory: Path, settings: Mapping[str, Any]) -> None:
        del settings  # event files have no place for them
        self._library = required("tensorboard", "tensorboardX")
        self._folder = directory / FOLDER
        self._step = 0

    def __enter__(self) -> Self:
        # The folder may be that of the run that is resumed, whose rows come again: hide those it has.
        self._writer = self._library.SummaryWriter(
            str(self._folder), purge_step=0, flush_secs=_SECONDS_BETWEEN_WRITES
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def log(self, row: Mapping[str, float]) -> None:
        """Writes a point for every value."""
        self._step = int(row["step"])
        self._write(values_of(row))

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Writes a point for every number, as `summary/...`, at the last step."""
        self._write({f"summary/{name}": value for name, value in numbers_of(summary).items()})

    def _write(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, self._step)
