"""What goes wrong in a job: how it is told, kept in its directory, and carried between processes."""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MISTAKE, BUG, INTERRUPTED = 2, 1, 130  # exit statuses
ERROR_FILE = "error.txt"


@dataclass(frozen=True)
class Failure:
    """Why a job has no result.

    Attributes:
        reason: in one line.
        status: the exit status it deserves.
        job: what the command line of the job said, in a sweep.
        told: whether a traceback has said it all.
    """

    reason: str
    status: int
    job: str = ""
    told: bool = False

    @property
    def line(self) -> str | None:
        """What is printed in the end; None where there is nothing to add."""
        if self.status == INTERRUPTED:
            return self.reason
        if self.told and not self.job:
            return None
        return f"error: {f'{self.job}: ' if self.job else ''}{self.reason}"


class JobError(Exception):
    """Carries a failure through a launcher or a sweeper that must learn of it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)  # as the only argument, so that it survives pickling
        self.failure = failure


def keep_error(directory: Path, reason: str, trace: str = "") -> None:
    """Leaves in a job's directory why it failed, in one line, and a bug's traceback below it."""
    with suppress(OSError):  # of a full disk there are other signs
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ERROR_FILE).write_text(f"{reason}\n{trace}", encoding="utf-8")


def forget_error(directory: Path) -> None:
    """Removes what an earlier attempt has left."""
    (directory / ERROR_FILE).unlink(missing_ok=True)


def read_error(directory: Path) -> str | None:
    """Returns in one line why the job of a directory failed; None if its last attempt did not."""
    try:
        return (directory / ERROR_FILE).read_text(encoding="utf-8").partition("\n")[0]
    except FileNotFoundError:
        return None


def traceback_of(error: BaseException) -> str:
    """The traceback of an exception, as Python prints it, without the frame that caught it."""
    frames = error.__traceback__
    return "".join(traceback.format_exception(error.with_traceback(frames and frames.tb_next)))
