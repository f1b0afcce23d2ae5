"""MLflow."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from experiments.errors import UserError
from experiments.training.loggers.logger import numbers_of, required, run_name, values_of

DATABASE = "mlflow.db"
_SECONDS_BETWEEN_WRITES = 5.0  # a write takes longer than many a training step
_METRICS_A_WRITE = 1000  # what MLflow takes at once
_PARAMETERS_A_WRITE = 100


class MlflowLogger:
    """Records a run in an MLflow store; see `Logger`.

    Args:
        experiment: where the run belongs.
        tracking_uri: the store; None for `mlflow.db` in the output directory.
        directory: the run's output directory.
        settings: the run's config.

    Raises:
        UserError: MLflow is not installed, or not what a database takes.
    """

    def __init__(
        self, experiment: str, tracking_uri: str | None, *, directory: Path, settings: Mapping[str, Any]
    ) -> None:
        self._uri = tracking_uri or f"sqlite:///{directory.absolute() / DATABASE}"
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        self._library = required("mlflow", "mlflow")
        if self._uri.startswith("sqlite:"):
            for package in ("sqlalchemy", "alembic"):
                required("mlflow", package)
        self._experiment = experiment
        self._directory, self._settings = directory, settings
        self._waiting: list[Any] = []
        self._written = 0.0
        self._step = 0

    def __enter__(self) -> Self:
        try:
            self._client = self._library.MlflowClient(self._uri)
            run = self._client.create_run(self._experiment_id(), run_name=run_name(self._directory))
            self._run = run.info.run_id
            parameters = [self._library.entities.Param(k, str(v)) for k, v in self._settings.items()]
            for first in range(0, len(parameters), _PARAMETERS_A_WRITE):
                some = parameters[first : first + _PARAMETERS_A_WRITE]
                self._client.log_batch(self._run, params=some)
        except self._library.MlflowException as error:
            raise UserError(f"logger=mlflow: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()
        self._client.set_terminated(self._run, "FINISHED" if kind is None else "FAILED")

    def log(self, row: Mapping[str, float]) -> None:
        """Records the values, some seconds later."""
        self._step = int(row["step"])
        self._add(values_of(row))
        if time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            self._write()

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Records the numbers at the last step."""
        self._add(numbers_of(summary))

    def _add(self, values: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        self._waiting += [self._library.entities.Metric(k, v, now, self._step) for k, v in values.items()]

    def _write(self) -> None:
        for first in range(0, len(self._waiting), _METRICS_A_WRITE):
            self._client.log_batch(self._run, metrics=self._waiting[first : first + _METRICS_A_WRITE])
        self._waiting.clear()
        self._written = time.monotonic()

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        experiment: str = found.experiment_id if found else self._client.create_experiment(self._experiment)
        return experiment
