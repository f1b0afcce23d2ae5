"""What goes wrong in a job: how it is told, and carried between processes."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

MISTAKE, BUG, INTERRUPTED = 2, 1, 130  # exit statuses


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


def traceback_of(error: BaseException) -> str:
    """The traceback of an exception, as Python prints it, without the frame that caught it."""
    frames = error.__traceback__
    return "".join(traceback.format_exception(error.with_traceback(frames and frames.tb_next)))
