"""Composing what a command line asks for, ahead of Hydra and in the way Hydra will."""

import argparse
import contextlib
import copy
import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from experiments.cli.complaints import complaint, describe
from experiments.errors import UserError
from experiments.hydra_versions import INITIALIZE


class Composer:
    """Composes configs, remembering those it has composed, while Hydra is initialised.

    Args:
        config_name: the main config.
        always: settings of every config.

    Attributes:
        parser: reads settings.
        groups: what finds the choices of each config group; Hydra takes its time.
    """

    def __init__(self, config_name: str, always: Sequence[str]) -> None:
        loader = GlobalHydra.instance().config_loader()
        self.parser = OverridesParser.create(config_loader=loader)
        names = [*loader.list_groups(""), *(f"hydra/{name}" for name in loader.list_groups("hydra"))]
        self.groups = {name: functools.partial(loader.get_group_options, name) for name in names}

        @functools.cache
        def compose(lines: tuple[str, ...]) -> DictConfig:
            return hydra.compose(config_name, overrides=[*lines, *always], return_hydra_config=True)

        self._compose = compose

    def is_choice(self, setting: Override) -> bool:
        """Returns whether a setting chooses from a group, rather than setting a key."""
        return setting.key_or_group in self.groups and not isinstance(setting.value(), dict)

    def __call__(self, settings: Sequence[Override]) -> DictConfig:
        """Returns the config of a single run under these settings, Hydra's part included.

        Raises:
            UserError: it cannot be composed; the message names the setting that is to blame.
        """
        try:
            return self._compose(tuple(str(setting.input_line) for setting in settings))
        except Exception as error:  # no code of ours runs here: what trips Hydra up is what it was given
            raise self._blame(settings, error) from error

    def _blame(self, settings: Sequence[Override], error: Exception) -> UserError:
        """Adds setting by setting until Hydra complains: choices, what is merged over them, keys."""
        added: list[str] = []
        before = self._compose(())  # fails where the main config does, whatever the settings
        for setting in sorted(settings, key=lambda of: (not self.is_choice(of), of.is_add())):
            added.append(str(setting.input_line))
            try:
                before = self._compose(tuple(added))
            except Exception as culprit:
                return UserError(complaint(culprit, setting, before, self.groups))
        return UserError(describe(error))


@contextlib.contextmanager
def composer(flags: argparse.Namespace, config_dir: Path, config_name: str) -> Iterator[Composer]:
    """Has Hydra ready to compose what the flags name, until the block ends."""
    script = Path(sys.argv[0]).absolute()
    always = []
    if flags.config_dir is not None:
        more = Path(flags.config_dir).absolute()
        if not more.is_dir():
            raise UserError(f"--config-dir {flags.config_dir}: no such directory")
        always.append(f'hydra.searchpath=["file://{more}"]')
    place = script.parent / (flags.config_path or config_dir.absolute())
    with hydra.initialize_config_dir(str(place), script.stem, **INITIALIZE):
        yield Composer(flags.config_name or config_name, always)


@contextlib.contextmanager
def as_if_running(config: DictConfig) -> Iterator[tuple[DictConfig, DictConfig]]:
    """Yields the task's and Hydra's part of a config, where `${hydra:...}` resolves as in the task."""
    config = copy.deepcopy(config)
    with read_write(config), open_dict(config):
        config.hydra.runtime.output_dir = str(Path.cwd())
        config.hydra.job.id, config.hydra.job.num = "0", 0
    HydraConfig.instance().set_config(config)
    try:
        yield OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]), config.hydra
    finally:
        HydraConfig.instance().cfg = None
