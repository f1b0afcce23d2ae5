"""Why a job failed, as its directory keeps it."""

from pathlib import Path

import pytest

from experiments.cli.failures import forget_error, keep_error, read_error, traceback_of


def failing(message: str) -> None:
    raise RuntimeError(message)


@pytest.mark.parametrize("message", ["boom", "boom\nand more"])
def test_a_traceback_is_read_as_the_line_that_says_why(tmp_path: Path, message: str) -> None:
    try:
        failing(message)
    except RuntimeError as error:
        keep_error(tmp_path, traceback_of(error))
    assert read_error(tmp_path) == "RuntimeError: boom"


def test_a_reason_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "made yet"
    assert read_error(directory) is None
    keep_error(directory, "thirteen is unlucky")
    assert read_error(directory) == "thirteen is unlucky"
    forget_error(directory)
    assert read_error(directory) is None
    forget_error(directory)
