"""Why a job failed, as its directory keeps it."""

from pathlib import Path

from experiments.cli.failures import forget_error, keep_error, read_error


def test_a_reason_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "made yet"
    assert read_error(directory) is None
    keep_error(directory, "thirteen is unlucky", "Traceback\n  line\nUserError: thirteen is unlucky\n")
    assert read_error(directory) == "thirteen is unlucky"
    forget_error(directory)
    assert read_error(directory) is None
    forget_error(directory)
