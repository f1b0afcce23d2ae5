"""Files that a run may have left half-written."""

import json
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException


class UnreadableError(Exception):
    """A file is missing or is not what it should be; the message names it and says how."""


def read_yaml(path: Path, kind: type) -> Any:
    """Returns the content of a YAML file, interpolations left as they are.

    Raises:
        UnreadableError: it is missing, not YAML, or not of this kind.
    """
    try:
        content = OmegaConf.to_container(OmegaConf.create(_text(path)))
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise UnreadableError(f"{_shown(path)} is not valid YAML") from error
    if not isinstance(content, kind):
        raise UnreadableError(f"{_shown(path)} does not hold a {kind.__name__}")
    return content


def look_up(content: Any, *keys: str) -> Any:
    """Returns what lies under a chain of keys; None if any of them is missing."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def read_object(path: Path) -> dict[str, Any]:
    """Returns the content of a JSON file that holds an object.

    Raises:
        UnreadableError: it is missing, not JSON, or not an object.
    """
    try:
        content = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise UnreadableError(f"{_shown(path)} is not valid JSON") from error
    if not isinstance(content, dict):
        raise UnreadableError(f"{_shown(path)} does not hold an object")
    return content


def read_rows(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Returns the rows of a metrics.jsonl up to the first that cannot be read, and what is wrong with it."""
    try:
        lines = _text(path).splitlines()
    except UnreadableError as error:
        return [], [f"{error}: it has no curves"]
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        row = _row(line)
        if row is None:
            cut = "the last line is cut" if number == len(lines) else f"line {number} cannot be read"
            left_out = "" if number == len(lines) else ", and what follows it is left out"
            return rows, [f"{path.name}: {cut}{left_out}"]
        rows.append(row)
    return rows, [] if rows else [f"{path.name} is empty: it has no curves"]


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnreadableError(f"no {_shown(path)}") from None
    except OSError as error:
        raise UnreadableError(f"{_shown(path)} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{_shown(path)} is not text") from error


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}" if path.parent.name == ".hydra" else path.name
