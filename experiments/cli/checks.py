"""What is checked before anything runs, and what a user may set.

- A choice is one that its group has: ``model=sortpool``. A group that no default chooses takes a
  plus: ``+experiment=smoke``.
- A key is one that the chosen configs declare. A plus in front does not help, since
  ``+trainer.stpes=3`` would train for the wrong number of steps without a word. Only a section
  that is written ``{}`` is open: ``+section.anything=3``. So are Hydra's own, ``+hydra...``.
- A value is of the kind of the default: a number for a number, a whole one for a whole one,
  ``true`` or ``false`` for either, a list for a list. A default that is text or ``null`` takes
  anything, and anything takes ``null``.
- What an experiment sets keeps to the same: its keys are declared, its values of the right kind.
- Nothing is left ``???``, every ``${...}`` leads somewhere, and the output directory can be made.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.cli.composition import (
    Composer,
    as_if_running,
    composer,
    line_of,
    not_named,
    parse_arguments,
    settings,
    sweep,
    to_tree,
)
from experiments.cli.experiment_files import check_experiment
from experiments.cli.plugins import COLLECTING_SWEEPER, LISTING_SWEEPERS
from experiments.cli.trees import (
    OPEN,
    UNKNOWN,
    find,
    is_reference,
    keys_around,
    kind_missed,
    nodes,
    without_hydra,
)
from experiments.cli.wording import CONFIG_ERRORS, describe, did_you_mean, nearest, no_such_choice
from experiments.errors import UserError


def check_command_line(task: Callable[..., object], config_dir: Path, config_name: str) -> bool:
    """Returns whether ``sys.argv`` asks for a sweep; raises :class:`UserError` for the first mistake in it.

    Writes nothing. Other exceptions of the :data:`CONFIG_ERRORS` mean that the main config itself is broken.
    """
    arguments = parse_arguments()
    if arguments.hydra_help or arguments.shell_completion or arguments.experimental_rerun:
        return False  # these compose no config of ours
    looks_only = bool(arguments.help or arguments.cfg or arguments.info)
    with composer(task, arguments, config_dir, config_name) as compose:
        overrides = _parse(compose, arguments.overrides)
        swept = arguments.multirun or (not looks_only and _asks_for_sweep(compose, overrides))
        jobs = _jobs(compose, overrides) if swept else iter([_single_job(compose, overrides)])
        for number, job in enumerate(jobs):
            config = _check_job(compose, job)
            if not looks_only:
                _check_complete(config)
                if number == 0 and swept:
                    _check_launcher(config)
                if number == 0:
                    _check_directory("hydra.sweep.dir" if swept else "hydra.run.dir", config)
            elif arguments.package not in (None, "_global_"):
                _check_package(arguments, to_tree(config))
    return swept


def _parse(compose: Composer, lines: Sequence[str]) -> list[Override]:
    try:
        overrides = compose.parse(lines)
    except OverrideParseException as error:
        if (meant := compose.choice_named(error.override)) is None:
            raise
        raise UserError(f"{error.override}: not a setting; did you mean {meant}?") from error
    for override in overrides:
        if not override.key_or_group:
            raise UserError(f"{line_of(override)}: no key; write key=value")
    return overrides


def _asks_for_sweep(compose: Composer, overrides: Sequence[Override]) -> bool:
    """Whether the config does, as ``hydra.mode=MULTIRUN`` makes it."""
    try:
        return bool(compose.compose(overrides).hydra.mode == RunMode.MULTIRUN)
    except CONFIG_ERRORS:
        return False  # as Hydra decides, too; the mistake is told when the job is checked


def _single_job(compose: Composer, overrides: list[Override]) -> list[Override]:
    for override in overrides:
        if override.is_sweep_override():
            fix = "put -m first to run a job for each"
            if override.value_type == ValueType.SIMPLE_CHOICE_SWEEP and not (
                compose.options(override.key_or_group)
            ):
                listed = f"{override.get_key_element()}=[{override.get_value_string()}]"
                fix += f", or write '{listed}' for a list"
            raise UserError(f"{line_of(override)}: several values; {fix}")
    return overrides


def _jobs(compose: Composer, overrides: list[Override]) -> Iterator[list[Override]]:
    for override in overrides:
        if override.is_hydra_override() and override.is_sweep_override():
            raise UserError(f"{line_of(override)}: Hydra's own settings take one value in a sweep")
    fixed = [override for override in overrides if not override.is_sweep_override()]
    try:
        config = compose.compose(fixed).hydra
    except CONFIG_ERRORS:
        return sweep(compose, overrides)  # told, with the override to blame, by the first job
    sweeper = config.runtime.choices["hydra/sweeper"]
    for override in overrides:
        if override.is_interval_sweep() and sweeper in LISTING_SWEEPERS:
            key = override.get_key_element()
            raise UserError(f"{line_of(override)}: a sweep lists its values, as in {key}=1,2,3")
    configured = config.sweeper.get("params") or {}
    if sweeper == COLLECTING_SWEEPER:
        configured = not_named(configured, overrides)
    params = compose.parse([f"{key}={value}" for key, value in configured.items()])
    return sweep(compose, [*params, *overrides])


def _check_job(compose: Composer, job: Sequence[Override]) -> DictConfig:
    """Composes a job's config. The checks come first where Hydra's answer would be no help."""
    choices = [override for override in job if compose.is_choice(override)]
    keys = [override for override in job if not compose.is_choice(override)]
    for override in choices:
        _check_choice(override, compose.options(override.key_or_group))
    base = _compose(compose, choices)
    tree = to_tree(base)
    for override in keys:
        _check_keys(override, tree, compose)
    config = _compose(compose, [*choices, *keys])
    for override in keys:
        _check_kinds(override, tree, base)
    for group, choice in to_tree(config)["hydra"]["runtime"]["choices"].items():
        if choice == "???":
            listed = ", ".join(compose.options(group.partition("@")[0]))
            raise UserError(f"{group}: not chosen; write {group}=... (choices: {listed})")
    check_experiment(compose, config)
    return config


def _compose(compose: Composer, overrides: Sequence[Override]) -> DictConfig:
    try:
        return compose.compose(overrides)
    except CONFIG_ERRORS as error:
        if (told := _explain(compose, overrides)) is None:
            raise
        raise told from error


def _explain(compose: Composer, overrides: Sequence[Override]) -> UserError | None:
    """Adds one override after the other until Hydra complains; the last one is to blame."""
    before = compose.compose([])  # fails where the main config does, whatever the overrides
    for count, override in enumerate(overrides, start=1):
        try:
            before = compose.compose(overrides[:count])
        except CONFIG_ERRORS as error:
            chosen = before.hydra.runtime.choices
            if compose.is_choice(override) and (told := _misplaced(override, chosen)):
                return UserError(f"{line_of(override)}: {told}")
            return UserError(f"{line_of(override)}: {describe(error)}")
    return None


def _misplaced(override: Override, chosen: Mapping[str, str | None]) -> str | None:
    """What is wrong with the sign in front of a choice."""
    line = line_of(override)
    group = override.get_key_element().lstrip("+~")
    if override.is_delete():
        return None if group in chosen else f"{group} is not chosen, so it cannot be left out"
    plain = line.lstrip("+")
    if group in chosen:
        return f"{group} is chosen already; write {plain}" if plain != line else None
    return f"{group} is not chosen by default; write +{plain}" if not override.is_add() else None


def _check_choice(override: Override, options: Sequence[str]) -> None:
    value = override.value()
    line, key = line_of(override), override.get_key_element()
    if override.is_delete():
        return
    if value is None:
        raise UserError(f"{line}: not a choice; write ~{key} to leave it out")
    for name in map(str, value if isinstance(value, list) else [value]):
        # A slash leaves the group and a dollar refers to another choice: Hydra's to look up.
        if name.removesuffix(".yaml") not in (*options, "???") and not set(name) & set("/$"):
            raise UserError(f"{line}: {no_such_choice(name, options)}")


def _check_keys(override: Override, tree: dict[str, Any], compose: Composer) -> None:
    adds = override.is_add() or override.is_force_add()
    if adds and override.is_hydra_override():
        return
    line = line_of(override)
    for key, _ in settings(override):
        found = find(tree, key)
        if found is UNKNOWN:
            raise UserError(_unknown_key(key, override, tree, compose))
        if found is OPEN and not adds:
            raise UserError(f"{line}: a new key of an open section takes a plus; write +{line}")
    default = find(tree, override.key_or_group)
    replaces = default is not OPEN and not isinstance(default, dict | list | None)
    if override.is_add() and replaces:
        raise UserError(f"{line}: this key exists; write {line.removeprefix('+')}")
    if line.endswith("=") and not override.is_delete():
        raise UserError(f"{line}: no value; write {_example(override.key_or_group, default)}")


def _unknown_key(key: str, override: Override, tree: dict[str, Any], compose: Composer) -> str:
    inside = _same_side(tree, key)
    known = [name for name, _ in nodes(inside)]
    spelled = {group: f"+{group}" for group in compose.groups if group not in known}
    if "/" in key:
        spelled = {group: group for group in compose.groups}
    near = nearest(key, [*spelled, *known])
    if near is not None:
        return f"{key}: no such key; did you mean {spelled.get(near, near)}?"
    choice = compose.choice_named(str(override.value()))
    if choice is not None:
        return f"{key}: no such key; did you mean {choice}?"
    return f"{key}: no such key ({keys_around(inside, key)})"


def _same_side(tree: dict[str, Any], key: str) -> dict[str, Any]:
    """Hydra's own part of a config for a key of Hydra's; the rest for one of ours."""
    return {"hydra": tree["hydra"]} if re.match(r"hydra\b", key) else without_hydra(tree)


def _check_kinds(override: Override, tree: dict[str, Any], base: DictConfig) -> None:
    if override.is_delete():
        return
    for key, value in settings(override):
        default = find(tree, key)
        kind = kind_missed(value, default)
        if kind is not None and not _is_typed(base, key):
            meant = _whole(value) if type(default) is int else None
            fix = _example(key, default if meant is None else meant)
            raise UserError(f"{line_of(override)}: {key} takes {kind}; write {fix}")


def _whole(value: object) -> int | None:
    """The number that ``1e4`` was meant to be."""
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _example(key: str, default: object) -> str:
    """A setting that would be accepted, made of the default."""
    match default:
        case bool():
            return f"{key}=true or {key}=false"
        case int() | float():
            return f"{key}={default}"
        case list():
            return f"'{key}=[{','.join(map(str, default))}]'"
        case dict() if default:
            inner, value = next(iter(default.items()))
            return _example(f"{key}.{inner}", value)
    return f"{key}=VALUE"


def _is_typed(base: DictConfig, key: str) -> bool:
    """Whether OmegaConf checks the values of a key's section, as a structured config asks."""
    parent = key.rpartition(".")[0]
    section = OmegaConf.select(base, parent) if parent else base
    return isinstance(section, DictConfig) and OmegaConf.get_type(section) is not dict


def _check_complete(config: DictConfig) -> None:
    tree = without_hydra(to_tree(config))
    for key, value in nodes(tree):
        if value == "???":
            raise UserError(f"{key}: no value; write {key}=VALUE")
    with as_if_running(config) as running:
        directories = "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"
        for key, value in [*nodes(tree), *((key, "${") for key in directories)]:
            if is_reference(value):
                _check_reference(running, key, value, tree)


def _check_reference(config: DictConfig, key: str, value: str, tree: dict[str, Any]) -> None:
    try:
        OmegaConf.select(config, key, throw_on_missing=True)
    except OmegaConfBaseException as error:
        setting = f"{key}={value}" if value != "${" else key
        wrong = (name for name in re.findall(r"\$\{([\w.]+)\}", value) if find(tree, name) is UNKNOWN)
        known = [name for name, _ in nodes(tree) if name != key]
        hint = next((did_you_mean(name, known) for name in wrong), "")
        raise UserError(f"{setting}: {describe(error)}{hint}") from error


def _check_directory(key: str, config: DictConfig) -> None:
    """Whether the output directory can be made, without making it."""
    with as_if_running(config) as running:
        directory = str(OmegaConf.select(running, key))
    path = Path(directory).absolute()
    existing = next(place for place in (path, *path.parents) if os.path.lexists(place))
    if not existing.is_dir():
        problem = f"{existing} is not a directory"
    elif not os.access(existing, os.W_OK | os.X_OK):
        problem = f"{existing} cannot be written to"
    else:
        return
    raise UserError(f"{key}={directory}: {problem}; write {key}=ANOTHER_DIRECTORY")


def _check_launcher(config: DictConfig) -> None:
    """Whether there is what the launcher hands jobs to."""
    if config.hydra.launcher._target_.endswith(".SlurmLauncher") and shutil.which("srun") is None:
        choice = config.hydra.runtime.choices["hydra/launcher"]
        raise UserError(
            f"hydra/launcher={choice}: no SLURM on this machine (no srun); write hydra/launcher=parallel"
        )


def _check_package(arguments: argparse.Namespace, tree: dict[str, Any]) -> None:
    name = arguments.package
    if find(tree, name) is UNKNOWN:
        hint = did_you_mean(name, (key for key, _ in nodes(_same_side(tree, name))))
        raise UserError(f"--package {name}: no such key{hint}")
