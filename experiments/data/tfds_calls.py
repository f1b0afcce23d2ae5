"""Calls into TFDS: without what it says to people who call it themselves, and with its errors in a line."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator

import requests
import tensorflow_datasets as tfds

from experiments.errors import UserError

_DOWNLOAD_ERRORS = (requests.exceptions.RequestException, tfds.download.DownloadError)
_LONGEST = 300
OR_A_COPY = "or point data.directory at a prepared copy"


@contextlib.contextmanager
def quiet(progress: bool = False) -> Iterator[None]:
    """Silences, for a while, what TFDS prints, and all warnings that are logged.

    That is sizes it does not know, packages that it would like, and each retry of a download. Its progress
    bars, which go to stderr, are shown if `progress` says so and that is a terminal.
    """
    disabled = logging.root.manager.disable
    logging.disable(max(disabled, logging.WARNING))
    tfds.display_progress_bar(progress and sys.stderr.isatty())
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.enable_progress_bar()  # TFDS's default; it does not tell what was set before
        logging.disable(disabled)


def problem(error: Exception, before: str, otherwise: str) -> str:
    """Returns what kept a dataset from being prepared, and what to do where that is known.

    Args:
        error: what TFDS raised.
        before: what to say before the reason where it is neither a package nor the network.
        otherwise: what else there is to do where it is the network.
    """
    for cause in _chain(error):
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            package = cause.name.partition(".")[0]
            return f"{package} is needed to prepare it; pip install {package}, {OR_A_COPY}"
        if isinstance(cause, _DOWNLOAD_ERRORS):
            return not_downloaded(_reason(error), otherwise)
    return f"{before}{_reason(error)}"


def not_downloaded(why: str, otherwise: str) -> str:
    """Returns what to say of a download that failed."""
    return f"cannot be downloaded: {why}; connect to the network, {otherwise}"


def unreadable(folder: str | os.PathLike[str], error: Exception) -> UserError:
    """Returns what to raise from the `error` that came of reading a prepared dataset."""
    return UserError(
        f"{os.fspath(folder)}: cannot be read: {_reason(error)}; mend it, or delete it to start over"
    )


def _reason(error: BaseException) -> str:
    """Returns the first line of the error that began it, which is seldom the one that arrives.

    TFDS puts its context around an error, which may be all the numbers of an image.
    """
    *_, root = _chain(error)
    text = str(root).strip().partition("\n")[0].strip() or type(root).__name__
    text = text.rpartition('}": ')[2]  # without the arguments that TFDS was called with
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields the error, the one that led to it, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
