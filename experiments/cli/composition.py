"""Composing what a command line asks for, ahead of Hydra and in just the way Hydra will.

The public ``hydra.compose`` knows neither ``--config-path`` nor ``--config-dir`` nor sweeps, and
the parser of Hydra's flags has no public name. So this is the one module that uses Hydra's
internals, and the one to look at when Hydra changes.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import functools
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from hydra._internal.hydra import Hydra
from hydra._internal.utils import (
    create_automatic_config_search_path,
    detect_calling_file_or_module_from_task_function,
    detect_task_name,
    get_args_parser,
)
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from experiments.cli.wording import CONFIG_ERRORS, did_you_mean
from experiments.errors import UserError


def parse_arguments() -> argparse.Namespace:
    """Hydra's own reading of ``sys.argv``, with one line for what it rejects."""
    parser = get_args_parser()
    usage = io.StringIO()
    try:
        with contextlib.redirect_stderr(usage):
            arguments, unknown = parser.parse_known_args()
    except SystemExit as stop:
        if not stop.code:
            raise  # --version
        raise UserError(usage.getvalue().rpartition("error: ")[2].strip()) from stop
    if unknown:
        raise UserError(_unknown_argument(unknown[0], parser))
    return arguments


def _unknown_argument(argument: str, parser: argparse.ArgumentParser) -> str:
    if not argument.startswith("-"):
        return f"{argument}: settings on both sides of a flag; write the flags first"
    if "=" in argument:
        return f"{argument}: settings take no dashes; write {argument.lstrip('-')}"
    near = did_you_mean(argument, re.findall(r"--[\w-]+", parser.format_usage()))
    fix = near or f"; a setting takes no dashes, as in {argument.lstrip('-')}=VALUE"
    return f"{argument}: no such flag{fix}"


class Composer:
    """Composes configs, remembering those it has composed."""

    def __init__(self, loader: ConfigLoader, config_name: str) -> None:
        self.config_name = config_name
        self._loader = loader
        self._parser = OverridesParser.create(config_loader=loader)
        self.options = functools.cache(self._options)
        self._compose_lines = functools.cache(self._load)

    def parse(self, lines: Sequence[str]) -> list[Override]:
        """Reads overrides as typed."""
        return self._parser.parse_overrides(list(lines))

    def compose(self, overrides: Sequence[Override]) -> DictConfig:
        """The config under these overrides. A group left unchosen has the choice ``???``."""
        return self._compose_lines(tuple(line_of(override) for override in overrides))

    def _load(self, lines: tuple[str, ...]) -> DictConfig:
        try:
            # Composed for a sweep, since that puts up with groups that have not been chosen yet.
            return self._loader.load_configuration(
                self.config_name, list(lines), RunMode.MULTIRUN, validate_sweep_overrides=False
            )
        except CONFIG_ERRORS:
            raise
        except Exception as error:
            # No code of ours runs here: what trips Hydra up is what it was given.
            raise HydraException(f"{type(error).__name__}: {error}") from error

    def _options(self, group: str) -> list[str]:
        return self._loader.get_group_options(group)

    @functools.cached_property
    def groups(self) -> list[str]:
        """The names of all config groups, nested ones and Hydra's own included."""
        return list(self._walk(""))

    def _walk(self, parent: str) -> Iterator[str]:
        for name in self._loader.list_groups(parent):
            group = f"{parent}/{name}" if parent else name
            yield group
            yield from self._walk(group)

    def is_choice(self, override: Override) -> bool:
        """Whether an override chooses from a config group, rather than setting a key."""
        return bool(self.options(override.key_or_group)) and not isinstance(override.value(), dict)

    def choice_named(self, option: str) -> str | None:
        """``group=option`` for the first group that has the option."""
        return next((f"{g}={option}" for g in self.groups if option in self.options(g)), None)


def line_of(override: Override) -> str:
    """An override as typed."""
    return override.input_line or ""


def settings(override: Override) -> list[tuple[str, Any]]:
    """The dotted keys that an override sets, and to what; a dictionary sets several."""
    flat: list[tuple[str, Any]] = []
    pending: list[tuple[str, Any]] = [(override.key_or_group, override.value())]
    while pending:
        key, value = pending.pop(0)
        if isinstance(value, dict) and value:
            pending += [(f"{key}.{name}", inner) for name, inner in value.items()]
        else:
            flat.append((key, value))
    return flat


def not_named(params: Mapping[str, str], overrides: Sequence[Override]) -> dict[str, str]:
    """The params of a sweep without those that overrides set by another name, as in ``++seed=0``.

    Those that are set by the same name stay: they keep their place, and the last value wins.
    """
    same = {override.get_key_element() for override in overrides}
    named = {key for override in overrides for key, _ in settings(override)}
    return {key: values for key, values in params.items() if key in same or key.lstrip("+~") not in named}


@contextmanager
def composer(
    task: Callable[..., object], arguments: argparse.Namespace, config_dir: Path, config_name: str
) -> Iterator[Composer]:
    """What Hydra sets up to compose with before it runs ``task``; it is gone afterwards."""
    file, module = detect_calling_file_or_module_from_task_function(task)
    search_path = create_automatic_config_search_path(
        file, module, arguments.config_path or str(config_dir.absolute())
    )
    if arguments.config_dir is not None:
        extra = Path(arguments.config_dir).absolute()
        if not extra.is_dir():
            raise UserError(f"--config-dir {arguments.config_dir}: no such directory")
        search_path.prepend("command-line", f"file://{extra}", SearchPathQuery(provider="schema"))
    Hydra.create_main_hydra2(detect_task_name(file, module), search_path)
    try:
        yield Composer(GlobalHydra.instance().config_loader(), arguments.config_name or config_name)
    finally:
        GlobalHydra.instance().clear()


@contextmanager
def as_if_running(config: DictConfig) -> Iterator[DictConfig]:
    """A copy of a config in which ``${hydra:...}`` resolves as it will in the task."""
    config = copy.deepcopy(config)
    with read_write(config), open_dict(config):
        config.hydra.runtime.output_dir = os.getcwd()
        config.hydra.job.id, config.hydra.job.num = "0", 0
    HydraConfig.instance().set_config(config)
    try:
        yield config
    finally:
        HydraConfig.instance().cfg = None


def sweep(composer: Composer, overrides: Sequence[Override]) -> Iterator[list[Override]]:
    """Jobs of a sweep in which every value occurs, the others being the first of theirs.

    Composing the whole product would take minutes where a sweep has thousands of jobs. Hydra does
    so anyway before the first job, though after it has made a directory.
    """
    axes = _axes(composer, overrides)
    first = [axis[0] for axis in axes]
    yield first
    for index, axis in enumerate(axes):
        for override in axis[1:]:
            yield [*first[:index], override, *first[index + 1 :]]


def _axes(composer: Composer, overrides: Sequence[Override]) -> list[list[Override]]:
    """The values of every override; the last of two for the same key wins, as in Hydra."""
    axes = {override.get_key_element(): _values(composer, override) for override in overrides}
    return list(axes.values())


def _values(composer: Composer, override: Override) -> list[Override]:
    if not override.is_sweep_override():
        return [override]
    interval: Any = override.value()
    if isinstance(interval, IntervalSweep):
        values = [str(interval.start)]
    else:
        values = list(override.sweep_string_iterator())
    if not values:
        raise UserError(f"{line_of(override)}: no values, so no jobs; name at least one")
    return composer.parse([f"{override.get_key_element()}={value}" for value in values])


def lines_of(overrides: Sequence[str]) -> list[str]:
    """Hydra's record of what it was given, as typed."""
    return cast(list[str], OmegaConf.to_container(overrides, resolve=False))


def to_tree(config: DictConfig) -> dict[str, Any]:
    """A config as plain dictionaries: interpolations as written, missing values as ``???``."""
    return cast(dict[str, Any], OmegaConf.to_container(config, resolve=False))
