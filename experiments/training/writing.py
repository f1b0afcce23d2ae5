"""What cannot be written, told in one line that says what of the run is safe."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.errors import UserError
from experiments.run_directory import RunDirectory

_REASONS = "|".join(map(os.strerror, range(1, 134)))  # as they stand in the errors of other libraries


@contextmanager
def reported(run: RunDirectory) -> Iterator[None]:
    """Has what cannot be written into a run told in one line; see `unwritable`."""
    try:
        yield
    except OSError as error:
        if str(error.filename or run.path).startswith(str(run.path)):
            raise unwritable(run, "", error) from error
        raise


def unwritable(run: RunDirectory, what: str, error: Exception) -> UserError:
    """Returns an error that tells in one line why a run cannot be written, and what of it is safe.

    Args:
        run: its directory, which may be gone.
        what: what was to be written, seen from there; "" where that is not known.
        error: what writing it has raised.
    """
    system = isinstance(error, OSError) and error.strerror
    reason = system or next(iter(re.findall(_REASONS, str(error))), type(error).__name__)
    good = [path for path in run.checkpoints() if path.name != Path(what).name]
    safe = f"trainer.resume={good[0]} goes on from the last good checkpoint" if good else "no checkpoint yet"
    return UserError(f"{run.path / what}: cannot be written ({reason}); {safe}")
