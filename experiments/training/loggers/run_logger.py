"""The logger of a run: metrics.jsonl, and beside it what the config names."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from omegaconf import DictConfig, OmegaConf

from experiments.training.instantiation import constructor
from experiments.training.loggers.jsonl import JsonlLogger
from experiments.training.loggers.logger import Logger


class RunLogger:
    """Hands rows and summary on.

    Args:
        metrics: what resuming, curves and reports read.
        beside: another, or None.
    """

    def __init__(self, metrics: JsonlLogger, beside: Logger | None) -> None:
        self._metrics = metrics
        self._beside = beside

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            if self._beside is not None:  # first: where it cannot be opened, no file is begun
                opened.enter_context(self._beside)
            opened.enter_context(self._metrics)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def log(self, row: Mapping[str, float]) -> None:
        """Records a row; its `step` says when."""
        self._metrics.log(row)
        if self._beside is not None:
            self._beside.log(row)

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Records what came of the run where there is no summary.json."""
        if self._beside is not None:
            self._beside.summarize(summary)


def build_logger(config: DictConfig, output: Path) -> RunLogger:
    """Returns the logger of a run.

    Args:
        config: the composed config; its `logger` names what comes beside metrics.jsonl, if anything.
        output: the run's output directory.

    Raises:
        UserError: what it names is not installed, or has a setting that it refuses.
    """
    beside = None
    if config.logger._target_ is not None:
        settings = dict(_flat(OmegaConf.to_container(config, resolve=True)))
        beside = constructor(config.logger)(directory=output, settings=settings)
    return RunLogger(JsonlLogger(output), beside)


def _flat(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested dictionaries, by dotted key."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
