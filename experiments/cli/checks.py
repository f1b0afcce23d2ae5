"""What is checked before anything runs or is written, for every job of a sweep.

Hydra and OmegaConf refuse what `experiments.schema` does not declare. In addition:

- A plus in front of a key does not declare it: `+trainer.stpes=3` would train for the wrong number of steps
  without a word. Only sections that nothing declares are open, and Hydra's own.
- Nothing is left `???`, every `${...}` leads somewhere, and the output directory can be made.
"""

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from experiments.cli.complaints import CONFIG_ERRORS, choice_of, incomplete, unknown_key
from experiments.cli.composer import Composer, as_if_running
from experiments.errors import UserError
from experiments.sweeps.grid import every_value, grid, keys


def parse(compose: Composer, lines: Sequence[str]) -> list[Override]:
    """Returns settings as Hydra reads them.

    Raises:
        UserError: one of them is none.
    """
    try:
        settings = compose.parser.parse_overrides(list(lines))
    except OverrideParseException as error:
        told = choice_of(error.override, compose.groups, f"{error.override}: not a setting")
        if told is None:
            raise
        raise UserError(told) from error
    for setting in settings:
        if not setting.key_or_group:
            raise UserError(f"{setting.input_line}: no key; write key=value")
        if setting.is_hydra_override() and setting.is_sweep_override():
            raise UserError(f"{setting.input_line}: Hydra's own settings take one value in a sweep")
    return settings


def check(
    compose: Composer, settings: Sequence[Override], flags: argparse.Namespace
) -> tuple[bool, Path | None]:
    """Checks what a command line asks for.

    Returns:
        Whether it is a sweep, and the innermost directory that exists of where its output goes.

    Raises:
        UserError: the first mistake.
    """
    first = [axis[0] for axis in grid({}, settings, compose.parser)]
    deciding = compose([of for of in first if compose.is_choice(of) or of.is_hydra_override()]).hydra
    looks_only = bool(flags.help or flags.cfg or flags.info)
    swept = flags.multirun or (deciding.mode == RunMode.MULTIRUN and not looks_only)
    for setting in () if swept else settings:
        if setting.is_sweep_override():
            listed = f"{setting.get_key_element()}=[{setting.get_value_string()}]"
            fix = f"put -m first to run a job for each, or write '{listed}' for a list"
            raise UserError(f"{setting.input_line}: several values; {fix}")
    params = deciding.sweeper.get("params") or {}
    jobs = every_value(grid(params, settings, compose.parser)) if swept else iter([settings])
    existing = None
    for job in jobs:
        config = compose(job)
        _check_declared(compose, job)
        if not looks_only:
            place = _check_can_run(config, job, swept)
            existing = existing or place
    return swept, existing


def _check_declared(compose: Composer, job: Sequence[Override]) -> None:
    declared = compose([setting for setting in job if compose.is_choice(setting)])
    for setting in job:
        adds = setting.is_add() or setting.is_force_add()
        if not adds or compose.is_choice(setting) or setting.is_hydra_override():
            continue
        for key in keys(setting):
            section, _, name = key.rpartition(".")
            inside = OmegaConf.select(declared, section) if section else declared
            is_open = OmegaConf.is_dict(inside) and OmegaConf.get_type(inside) is dict
            if not is_open and not (OmegaConf.is_dict(inside) and name in inside):
                raise UserError(unknown_key(key, setting, declared, compose.groups))


def _check_can_run(config: DictConfig, job: Sequence[Override], swept: bool) -> Path:
    """Whether all has a value, and there is a place for the output and what the launcher hands jobs to."""
    with as_if_running(config) as (task, hydra):
        try:
            OmegaConf.to_container(task, resolve=True, throw_on_missing=True)
            runs, sweeps, _ = str(hydra.run.dir), str(hydra.sweep.dir), str(hydra.sweep.subdir)
        except CONFIG_ERRORS as error:
            raise UserError(incomplete(error, job, config)) from error
    if swept and hydra.launcher._target_.endswith(".SlurmLauncher") and shutil.which("srun") is None:
        choice = f"hydra/launcher={hydra.runtime.choices['hydra/launcher']}"
        raise UserError(f"{choice}: no SLURM on this machine (no srun); write hydra/launcher=parallel")
    key, directory = ("hydra.sweep.dir", sweeps) if swept else ("hydra.run.dir", runs)
    path = Path(directory).absolute()
    existing = next(place for place in (path, *path.parents) if os.path.lexists(place))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        problem = "cannot be written to" if existing.is_dir() else "is not a directory"
        raise UserError(f"{key}={directory}: {existing} {problem}; write {key}=ANOTHER_DIRECTORY")
    return existing
