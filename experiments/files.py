"""Files that others rely on: written whole or not at all, read without trusting what they hold."""

import json
import math
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import filelock
import yaml  # type: ignore[import-untyped, unused-ignore]

from experiments.errors import UserError

_LOCK, _OWNER = ".lock", ".owner.json"
_MOST_NODES = 100_000  # of a file's content, aliases counted as often as they are used
_MOST_NESTED = 100
_MOST_OPENED = 1000  # brackets; a thousand times more, one in the other, end the process
_DEEP = re.compile(r"^[ ?-]{200}", re.MULTILINE)  # blocks that deep
_LARGEST_YAML = 4_000_000  # bytes
_LARGEST = 2**30  # bytes

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class UnreadableError(Exception):
    """A file is missing or is not what it should be; the message names it and says how."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Of plain YAML, without merge keys: merged with itself a mapping can grow beyond all memory."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leaves a merge key as it is, which is then refused as unknown."""


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file beside `path` and renames it: a reader sees the old content or the new, never a part.

    Where `path` is a link, the link is replaced, and what it leads to stays as it is.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes text as UTF-8, as `write_bytes` does; half of a surrogate pair becomes a question mark."""
    write_bytes(path, text.encode("utf-8", "replace"))


def open_to_append(path: Path) -> TextIO:
    """Opens a file to add lines to, each of which is written at once; a link is not followed.

    Raises:
        OSError: it is a link, or cannot be opened.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    return open(descriptor, "a", encoding="utf-8", buffering=1)


def to_json(content: Any, indent: int | None = None) -> str:
    """Returns JSON that every parser reads: NaN and the infinities, which it lacks, are strings.

    >>> to_json({"loss": float("nan"), "step": 3})
    '{"loss": "NaN", "step": 3}'
    """
    return json.dumps(_told(content), indent=indent, allow_nan=False)


def from_json(text: str) -> Any:
    """Returns what `to_json` was given; bare `NaN` and `Infinity` are read, too.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be ours.
    """
    try:
        content = json.loads(text)
        return _understood(content) if '"NaN"' in text or 'Infinity"' in text else content
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json(path: Path) -> dict[str, Any]:
    """Returns the content of a JSON file that holds an object.

    Raises:
        UnreadableError: it is missing, not JSON, or not an object.
    """
    try:
        content = from_json(read_text(path))
    except ValueError as error:
        raise UnreadableError(f"{shown(path)} is not valid JSON") from error
    if not isinstance(content, dict):
        raise UnreadableError(f"{shown(path)} does not hold an object")
    return content


def read_json_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Returns the objects of a file with one a line, up to the first line that is none; and how many lines.

    Raises:
        UnreadableError: it is missing, or no text.
    """
    text = read_text(path).rstrip("\n")
    if not text:
        return [], 0
    count = text.count("\n") + 1
    with suppress(ValueError):  # at once, which is faster by far
        rows = from_json("[" + text.replace("\n", ",") + "]")
        if len(rows) == count and set(map(type, rows)) == {dict}:
            return rows, count
    rows = []
    for line in text.split("\n"):
        try:
            row = from_json(line)
        except ValueError:
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return rows, count


def read_yaml(path: Path, kind: type) -> Any:
    """Returns the content of a YAML file as plain objects, interpolations left as they are.

    Raises:
        UnreadableError: it is missing, not YAML, not of this kind, or larger than any of ours.
    """
    text = read_text(path)
    if len(text) > _LARGEST_YAML or text.count("[") + text.count("{") > _MOST_OPENED or _DEEP.search(text):
        raise UnreadableError(f"{shown(path)} is too large to be a config")
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 (safe)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableError(f"{shown(path)} is not valid YAML") from error
    if not isinstance(content, kind):
        raise UnreadableError(f"{shown(path)} does not hold a {kind.__name__}")
    if not _is_small(content):
        raise UnreadableError(f"{shown(path)} is too large to be a config")
    return content


def read_text(path: Path) -> str:
    """Returns the text of a file.

    Raises:
        UnreadableError: it is missing, or no text.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:  # a device never ends
            raise UnreadableError(f"{shown(path)} is not a file, or too large to be ours")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnreadableError(f"no {shown(path)}") from None
    except OSError as error:
        raise UnreadableError(f"{shown(path)} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{shown(path)} is not text") from error


def shown(path: Path) -> str:
    """Returns what to call a file of a run."""
    return f"{path.parent.name}/{path.name}" if path.parent.name == ".hydra" else path.name


@contextmanager
def owned(directory: Path, instead: str) -> Iterator[None]:
    """Keeps other processes out of a directory, as long as they ask, until the block or the process ends.

    Args:
        directory: it exists.
        instead: what to write for another directory, as in `hydra.run.dir=ANOTHER`.

    Raises:
        UserError: another process owns it; the message names it.
    """
    with _locked(directory, instead):
        me = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        try:
            write_text(directory / _OWNER, to_json(me))
            yield
        finally:
            with suppress(OSError):
                (directory / _OWNER).unlink(missing_ok=True)


def check_not_owned(directory: Path, instead: str) -> None:
    """Looks whether another process owns a directory, and writes nothing; see `owned`."""
    if (directory / _LOCK).exists():
        with suppress(OSError), _locked(directory, instead):  # which may not be ours to write
            pass


@contextmanager
def _locked(directory: Path, instead: str) -> Iterator[None]:
    try:
        lock = filelock.FileLock(directory / _LOCK, timeout=0).acquire()
    except filelock.Timeout:
        owner = _owner(directory)
        raise UserError(f"{directory}: in use by {owner}; wait for it, or write {instead}") from None
    with lock:
        yield


def _owner(directory: Path) -> str:
    try:
        owner = read_json(directory / _OWNER)
    except UnreadableError:
        return "another process"
    return f"process {owner.get('pid')} on {owner.get('host')} since {owner.get('since')}"


def _told(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _told(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_told(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return "NaN" if math.isnan(content) else "Infinity" if content > 0 else "-Infinity"
    return content


def _understood(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _understood(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_understood(value) for value in content]
    if isinstance(content, str):
        return _NON_FINITE.get(content, content)
    return content


def _is_small(content: Any) -> bool:
    """Whether there is not too much in an object, each alias counted as what it stands for."""
    left, pending = _MOST_NODES, [(content, 0)]
    while pending and left:
        left -= 1
        inner, depth = pending.pop()
        if depth > _MOST_NESTED:
            return False
        if isinstance(inner, dict | list):
            values = inner.values() if isinstance(inner, dict) else inner
            pending += [(value, depth + 1) for value in values]
    return not pending
