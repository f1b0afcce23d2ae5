"""What went wrong inside TFDS, told in a line."""

from __future__ import annotations

import os
from collections.abc import Iterator

import requests
import tensorflow_datasets as tfds

from experiments.errors import UserError

_DOWNLOAD_ERRORS = (requests.exceptions.RequestException, tfds.download.DownloadError)
_MAX_LENGTH = 300


def reason(error: BaseException) -> str:
    """Returns the first line of the error that began it, which is seldom the one that arrives.

    TFDS puts its context around an error, which may be all the numbers of an image.
    """
    *_, root = _chain(error)
    lines = str(root).strip().splitlines()
    text = lines[0].strip() if lines else type(root).__name__
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."


def missing_package(error: BaseException) -> str | None:
    """Returns the package whose absence led to ``error``, if that is what did."""
    for cause in _chain(error):
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            return cause.name.partition(".")[0]
    return None


def is_download_error(error: BaseException) -> bool:
    """Returns whether a download that failed led to ``error``."""
    return any(isinstance(cause, _DOWNLOAD_ERRORS) for cause in _chain(error))


def unreadable(folder: str | os.PathLike[str], error: Exception) -> UserError:
    """Returns what to raise from the ``error`` that came of reading a prepared dataset."""
    return UserError(
        f"{os.fspath(folder)}: cannot be read: {reason(error)}; mend it, or delete it to start over"
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields the error, the one that led to it, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
