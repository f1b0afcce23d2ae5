"""Keeps off the screen what TFDS says to people who call it themselves."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator

import tensorflow_datasets as tfds

# absl: "OpenCV is not installed", "Variant folder ... has no ...". urllib3: each retry of a download.
_LOGGERS = ("absl", "urllib3.connectionpool")


@contextlib.contextmanager
def without_noise() -> Iterator[None]:
    """Silences, for a while, what TFDS prints, and the warnings that it and its downloader log.

    That is sizes it does not know, and a banner where tensorflow is missing. Progress bars, which go
    to stderr, stay.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def progress_bars(wanted: bool) -> Iterator[None]:
    """Shows TFDS's own progress bars for a while, if ``wanted`` and stderr is a terminal."""
    tfds.display_progress_bar(wanted and sys.stderr.isatty())
    try:
        yield
    finally:
        tfds.enable_progress_bar()  # TFDS's default; it does not tell what was set before
