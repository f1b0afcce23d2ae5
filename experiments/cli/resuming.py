"""`trainer.resume=DIR` on the command line: DIR's own settings, with those typed on top."""

from contextlib import suppress
from pathlib import Path

from experiments.cli.checks import parse
from experiments.cli.composer import Composer
from experiments.errors import UserError
from experiments.files import UnreadableError
from experiments.run_directory import LAUNCH, RunDirectory, locate
from experiments.sweeps.grid import keys

_RESUME = "trainer.resume"
_NOT_TAKEN = {_RESUME, "trainer.overwrite"}


def with_resumed(compose: Composer, lines: list[str], *, multirun: bool) -> list[str]:
    """Returns the settings of a command line, those of the run that it resumes before them.

    A key or group that is named on the command line replaces the run's. A study that the run was a part of is
    not swept again.

    Args:
        compose: reads settings.
        lines: as typed.
        multirun: whether a sweep is asked for.

    Raises:
        UserError: there is no such run.
    """
    settings = parse(compose, lines)
    resumed = [setting for setting in settings if setting.key_or_group == _RESUME and not setting.is_delete()]
    if resumed and resumed[-1].is_sweep_override():
        raise UserError(f"{resumed[-1].input_line}: several runs to go on from; write one")
    place = resumed[-1].value() if resumed else None
    if not isinstance(place, str) or not place:
        return lines
    try:
        own = parse(compose, _run_of(place).overrides())
    except UnreadableError as error:
        raise UserError(f"{_RESUME}={place}: {error}") from error
    typed = {key for setting in settings for key in keys(setting)} | _NOT_TAKEN
    kept = [
        str(setting.input_line)
        for setting in own
        if setting.key_or_group not in typed and setting.key_or_group.partition(".")[0] not in LAUNCH
    ]
    single = [] if multirun or "hydra.mode" in typed else ["hydra.mode=RUN"]
    return [*kept, *lines, *single]


def _run_of(place: str) -> RunDirectory:
    """The run that a directory is, or that the checkpoints belong to that it has or is."""
    with suppress(UserError):
        run, _ = locate(Path(place))
        if run.is_run:
            return run
    problem = "not the directory of a run" if Path(place).is_dir() else "no such directory"
    raise UserError(f"{_RESUME}={place}: {problem}; write {_RESUME}=outputs/DATE/TIME")
