"""What a logger beside metrics.jsonl is, and what several of them need."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from experiments.errors import UserError


class Logger(Protocol):
    """A context manager that takes rows of numbers while a run trains, and its summary at the end.

    It is made of the run's `directory` and `settings` (its config by dotted key) before anything else of
    the run, imports then what it needs, and writes nothing until it is entered.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def log(self, row: Mapping[str, float]) -> None:
        """Records a row; its `step` says when."""

    def summarize(self, summary: Mapping[str, Any]) -> None:
        """Records what came of the run, as in `summary.json`."""


def required(logger: str, package: str) -> Any:
    """Imports a package that a logger needs.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise UserError(f"logger={logger} needs {error.name}: pip install {error.name}") from error


def values_of(row: Mapping[str, float]) -> dict[str, float]:
    """Returns a row without its step."""
    return {name: value for name, value in row.items() if name != "step"}


def numbers_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """Returns what is a number in a summary."""
    return {name: value for name, value in summary.items() if isinstance(value, int | float)}


def run_name(directory: Path) -> str:
    """Returns what to call a run: the last two names of its output directory, cut to what all accept."""
    return "/".join(directory.absolute().parts[-2:])[:128]
