"""Where the numbers of a run go while it trains: to metrics.jsonl, and beside it to what the config names."""

import errno
import importlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TextIO

from omegaconf import DictConfig, OmegaConf

from experiments.errors import UserError
from experiments.files import open_to_append, to_json
from experiments.run_directory import METRICS_FILE, flat
from experiments.training.building import constructor
from experiments.training.distributed import is_first

Row = Mapping[str, float]

MLFLOW_DATABASE = "mlflow.db"
TENSORBOARD_FOLDER = "tensorboard"
_SECONDS_BETWEEN_WRITES = 5.0  # a write takes longer than many a training step
_METRICS_A_WRITE, _PARAMETERS_A_WRITE = 1000, 100  # what MLflow takes at once


class Logger:
    """What comes beside metrics.jsonl; by itself it does nothing.

    It is made before anything else of the run, imports then what it needs, and writes nothing until it is
    opened.

    Args:
        directory: the run's output directory.
        settings: the run's config, by dotted key.
    """

    def __init__(self, *, directory: Path, settings: Mapping[str, Any]) -> None:
        self.directory, self.settings = directory, settings
        self.name = "/".join(directory.absolute().parts[-2:])[:128]  # cut to what all accept

    def open(self) -> None:
        """Begins to record a run."""

    def log(self, step: int, values: Row) -> None:
        """Records a row of numbers."""

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Records what came of the run, as in `summary.json`."""

    def close(self, failed: bool) -> None:
        """Ends the record."""


class TensorboardLogger(Logger):
    """Writes event files to `tensorboard/`, a curve for every name in a row.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, *, directory: Path, settings: Mapping[str, Any]) -> None:
        super().__init__(directory=directory, settings=settings)
        self._library = _required("tensorboard", "tensorboardX")
        self._step = 0

    def open(self) -> None:
        """Hides what the folder has of an earlier attempt, whose rows come again."""
        folder = str(self.directory / TENSORBOARD_FOLDER)
        self._writer = self._library.SummaryWriter(folder, purge_step=0, flush_secs=10)

    def log(self, step: int, values: Row) -> None:
        """Writes a point for every value."""
        self._step = step
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Writes a point for every number, as `summary/...`, at the last step."""
        self.log(self._step, {f"summary/{name}": value for name, value in _numbers(summary).items()})

    def close(self, failed: bool) -> None:
        """Closes the file, which has no place for a failure."""
        del failed
        self._writer.close()


class WandbLogger(Logger):
    """Writes a run of Weights & Biases to `wandb/`, or sends it.

    Args:
        project: where the run belongs.
        mode: "offline", or "online" to send it.
        **run: as in `Logger`.

    Raises:
        UserError: wandb is not installed, or there is no such mode.
    """

    def __init__(self, project: str, mode: str, **run: Any) -> None:
        if mode not in ("offline", "online"):
            raise UserError(f"logger.mode={mode}: no such mode (choices: offline, online).")
        if mode == "offline":
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        super().__init__(**run)
        self._library = _required("wandb", "wandb")
        self._project, self._mode = project, mode

    def open(self) -> None:
        """Begins a run, without a copy of the screen: it has nothing that the rows lack."""
        try:
            self._run = self._library.init(
                project=self._project,
                mode=self._mode,
                name=self.name,
                dir=str(self.directory),
                config=dict(self.settings),
                settings=self._library.Settings(console="off"),
            )
        except self._library.errors.Error as error:
            raise UserError(f"logger=wandb: {error}") from error

    def log(self, step: int, values: Row) -> None:
        """Records the values; rows of the same step become one."""
        self._run.log(dict(values), step=step)

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Records the summary beside the last values."""
        self._run.summary.update(dict(summary))

    def close(self, failed: bool) -> None:
        """Ends the run."""
        self._run.finish(exit_code=int(failed))


class MlflowLogger(Logger):
    """Records a run in an MLflow store.

    Args:
        experiment: where the run belongs.
        tracking_uri: the store; None for `mlflow.db` in the output directory.
        **run: as in `Logger`.

    Raises:
        UserError: MLflow is not installed, or not what a database takes.
    """

    def __init__(self, experiment: str, tracking_uri: str | None, **run: Any) -> None:
        super().__init__(**run)
        self._uri = tracking_uri or f"sqlite:///{self.directory.absolute() / MLFLOW_DATABASE}"
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        database = ("sqlalchemy", "alembic") if self._uri.startswith("sqlite:") else ()
        self._library, *_ = [_required("mlflow", package) for package in ("mlflow", *database)]
        self._experiment = experiment
        self._waiting: list[Any] = []
        self._step, self._written = 0, 0.0

    def open(self) -> None:
        """Begins a run, with the config as its parameters."""
        entities = self._library.entities
        try:
            self._client = self._library.MlflowClient(self._uri)
            found = self._client.get_experiment_by_name(self._experiment)
            experiment = found.experiment_id if found else self._client.create_experiment(self._experiment)
            self._run = self._client.create_run(experiment, run_name=self.name).info.run_id
            parameters = [entities.Param(key, str(value)) for key, value in self.settings.items()]
            for first in range(0, len(parameters), _PARAMETERS_A_WRITE):
                self._client.log_batch(self._run, params=parameters[first : first + _PARAMETERS_A_WRITE])
        except self._library.MlflowException as error:
            raise UserError(f"logger=mlflow: {error}") from error

    def log(self, step: int, values: Row) -> None:
        """Records the values, some seconds later."""
        self._step, now = step, int(time.time() * 1000)
        self._waiting += [self._library.entities.Metric(k, v, now, step) for k, v in values.items()]
        if time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            self._write()

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Records the numbers at the last step."""
        self.log(self._step, _numbers(summary))

    def close(self, failed: bool) -> None:
        """Writes what waits, and ends the run."""
        self._write()
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")

    def _write(self) -> None:
        for first in range(0, len(self._waiting), _METRICS_A_WRITE):
            self._client.log_batch(self._run, metrics=self._waiting[first : first + _METRICS_A_WRITE])
        self._waiting.clear()
        self._written = time.monotonic()


class RunLogger:
    """The logger of a run, a context manager: rows go to metrics.jsonl, and to the other logger.

    Of several processes that train together, the first alone has anything written.

    Args:
        directory: the run's output directory.
        beside: the other logger.
    """

    def __init__(self, directory: Path, beside: Logger) -> None:
        self._path = directory / METRICS_FILE if is_first() else Path(os.devnull)
        self._beside = beside
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        self._beside.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        self._beside.close(failed=kind is not None)

    def begin(self, rows: Sequence[Row]) -> None:
        """Goes on after the rows that are in metrics.jsonl; the other logger is told them."""
        self.go_back()
        for row in rows:
            self._tell(row)

    def go_back(self) -> None:
        """Goes on after the rows that are in metrics.jsonl now; the other logger keeps what it was told."""
        if self._file is not None:
            self._file.close()
        self._file = open_to_append(self._path)

    def log(self, row: Row) -> None:
        """Writes a row at once, in digits enough to compare bit for bit; its `step` says when.

        Raises:
            OSError: it cannot be written, or the file is no longer there.
        """
        if self._file is None:
            raise RuntimeError("log after begin, inside the with block.")
        if os.fstat(self._file.fileno()).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "it was removed")
        print(to_json(dict(row)), file=self._file)
        self._tell(row)

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Records what came of the run where there is no summary.json."""
        self._beside.summarize(summary)

    def _tell(self, row: Row) -> None:
        self._beside.log(int(row["step"]), {name: value for name, value in row.items() if name != "step"})


def build_logger(config: DictConfig, output: Path) -> RunLogger:
    """Returns the logger of a run.

    Args:
        config: the composed config; its `logger` names what comes beside metrics.jsonl, if anything.
        output: the run's output directory.

    Raises:
        UserError: what it names is not installed, or has a setting that it refuses.
    """
    settings = flat(OmegaConf.to_container(config, resolve=True))
    make = Logger if config.logger._target_ is None or not is_first() else constructor(config.logger)
    return RunLogger(output, make(directory=output, settings=settings))


def _required(logger: str, package: str) -> Any:
    """Imports a package that a logger needs, or tells how to install it."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise UserError(f"logger={logger} needs {error.name}: pip install {error.name}") from error


def _numbers(summary: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in summary.items() if isinstance(value, int | float)}
