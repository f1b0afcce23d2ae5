"""Weights & Biases."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from experiments.errors import UserError
from experiments.training.loggers.logger import required, run_name, values_of

_MODES = ("offline", "online")


class WandbLogger:
    """Writes a run of Weights & Biases to `wandb/`, or sends it; see `Logger`.

    Args:
        project: where the run belongs.
        mode: "offline", or "online" to send it.
        directory: the run's output directory.
        settings: the run's config.

    Raises:
        UserError: wandb is not installed, or there is no such mode.
    """

    def __init__(self, project: str, mode: str, *, directory: Path, settings: Mapping[str, Any]) -> None:
        if mode not in _MODES:
            raise UserError(f"logger.mode={mode}: no such mode (choices: {', '.join(_MODES)}).")
        if mode == "offline":
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        self._library = required("wandb", "wandb")
        self._project, self._mode = project, mode
        self._directory, self._settings = directory, settings

    def __enter__(self) -> Self:
        try:
            self._run = self._library.init(
                project=self._project,
                mode=self._mode,
                name=run_name(self._directory),
                dir=str(self._directory),
                config=dict(self._settings),
                settings=self._library.Settings(console="off"),  # the screen has nothing that the rows lack
            )
        except self._library.errors.Error as error:
            raise UserError(f"logger=wandb: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.finish(exit_code=0 if kind is None else 1)

    def log(self, row: Mapping[str, float]) -> None:
        """Records the values; rows of the same step become one."""
        self._run.log(values_of(row), step=int(row["step"]))

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Records the summary beside the last values."""
        self._run.summary.update(dict(summary))
