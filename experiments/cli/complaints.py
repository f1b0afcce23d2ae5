"""What Hydra and OmegaConf say of a setting, in one line, with what to write instead."""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from experiments.errors import UserError

CONFIG_ERRORS = (UserError, HydraException, OmegaConfBaseException, yaml.YAMLError, OSError, ValueError)
"""What composing a config raises, and what Hydra raises around the task."""

Groups = Mapping[str, Callable[[], Sequence[str]]]  # what finds the choices of each

_NEAR = 0.6


def complaint(error: BaseException, setting: Override, before: DictConfig, groups: Groups) -> str:
    """Returns what is wrong with a setting.

    Args:
        error: raised when it was added.
        setting: what was typed.
        before: the config without it.
        groups: the choices of every group.
    """
    root, line, group = _root(error), str(setting.input_line), setting.key_or_group
    choice, plain = group in groups and not isinstance(setting.value(), dict), line.lstrip("+")
    key = (getattr(root, "full_key", None) or group).partition("[")[0]
    if isinstance(root, ConfigKeyError | ConfigAttributeError) or (group not in groups and "/" in group):
        told = unknown_key(key, setting, before, groups)
        return f"{plain}: {told}" if choice else told
    told = describe(error)
    if isinstance(root, ValidationError):
        default = OmegaConf.select(before, key, default="VALUE")
        whole = re.search(r"Value '(-?\d+)\.0'", told)
        value = _typed(int(whole[1]) if whole and type(default) is int else default)
        fix = f"{key}={value}" if "[" not in value else f"'{key}={value}'"
        return f"{plain}: {key}: {told}; write {fix}" if choice else f"{line}: {told}; write {fix}"
    if choice and "(choices: " not in told and "use +" not in told:
        told += f"; write {plain}" if plain != line else f" (choices: {', '.join(groups[group]())})"
    return told if told.startswith(f"{plain}: ") else f"{line}: {told}"


def unknown_key(key: str, setting: Override, before: DictConfig, groups: Groups) -> str:
    """Returns that there is no such key, and which are like it; the arguments are as in `complaint`."""
    tree: Any = OmegaConf.to_container(before, resolve=False)
    tree = {name: of for name, of in tree.items() if (name == "hydra") == key.startswith("hydra")}
    known = {name: name for name in _keys(tree) if name != key}
    spelled = {name: name if "/" in key else f"+{name}" for name in groups if "/" in key or name not in known}
    spelled |= known
    if (near := nearest(key, spelled)) is not None:
        return f"{key}: no such key; did you mean {spelled[near]}?"
    section, _, _ = key.rpartition(".")
    while section and not OmegaConf.is_dict(OmegaConf.select(before, section)):
        section, _, _ = section.rpartition(".")
    names = ", ".join(map(str, OmegaConf.select(before, section) if section else tree))
    meant = None if setting.key_or_group in groups else str(setting.value())
    told = f"{key}: no such key (keys{f' of {section}' if section else ''}: {names})"
    return choice_of(meant, groups, f"{key}: no such key") or told


def choice_of(name: str | None, groups: Groups, told: str) -> str | None:
    """Returns `told` with the choice that was probably meant by a name alone; None if no group has it."""
    meant = (
        f"{told}; did you mean {group}={name}?" for group, choices in groups.items() if name in choices()
    )
    return next(meant, None)


def incomplete(error: BaseException, job: Sequence[Override], config: DictConfig) -> str:
    """Returns what keeps a config of these settings, which could be composed, from being resolved."""
    key = getattr(error, "full_key", None) or ""
    for setting in job:
        if setting.is_delete() and key.partition(".")[0] == setting.key_or_group:
            return f"{setting.input_line}: {key} has no value without it; leave {setting.input_line} out"
    if OmegaConf.is_missing(config, key) or str(error).startswith("Missing mandatory value"):
        return f"{key}: no value; write {key}=VALUE"
    setting_of = {setting.key_or_group: setting.input_line for setting in job}
    known = [name for name in _keys(OmegaConf.to_container(config, resolve=False)) if name != key]
    wrong = re.search(r"Interpolation key '([\w.]+)' not found", str(error))
    return f"{setting_of.get(key, key)}: {describe(error)}{did_you_mean(wrong[1], known) if wrong else ''}"


def describe(error: BaseException) -> str:
    """Returns in one line what an exception says, of the `CONFIG_ERRORS` most of all."""
    root = _root(error)
    if isinstance(root, MissingConfigException) and root.missing_cfg_file and root.options is not None:
        group, _, name = root.missing_cfg_file.rpartition("/")
        choices = ", ".join(root.options)
        return f"{group}={name}: no such choice{did_you_mean(name, root.options)} (choices: {choices})"
    if isinstance(root, OverrideParseException):
        return _unreadable(root)
    if isinstance(root, yaml.MarkedYAMLError) and root.problem_mark is not None:
        return f"{root.problem_mark.name}, line {root.problem_mark.line + 1}: not valid YAML: {root.problem}"
    if isinstance(root, OSError) and root.filename is not None:
        return f"{root.filename}: {root.strerror}"
    said = re.split(r"\s+full_key: |\nConfig search path:|\nAvailable options:|\s+See https?:", str(root))[0]
    name = type(root).__name__
    return (one_line(said) if isinstance(root, CONFIG_ERRORS) else f"{name}: {one_line(said)}") or name


def _unreadable(error: OverrideParseException) -> str:
    key, equals, value = error.override.partition("=")
    if not re.fullmatch(r"(\+\+?|~)?[\w$-]+([./@:][\w$-]+)*", key):
        return f"{error.override}: not a setting; write key=value"
    if not equals:
        return f"{error.override}: no value; write {key}=VALUE"
    _, _, reason = error.message.partition("while evaluating")
    if reason:
        return f"{error.override}: {reason.partition(': ')[2].splitlines()[0]}"
    return f"{error.override}: a quote or bracket is not closed, or should be quoted: '{key}=\"{value}\"'"


def _root(error: BaseException) -> BaseException:
    """What Hydra wraps: OmegaConf says it better."""
    inner: BaseException | None = error
    while isinstance(inner, HydraException):
        inner = inner.__cause__ or inner.__context__
    return inner if isinstance(inner, OmegaConfBaseException) else error


def _typed(value: object) -> str:
    """A value as one would type it."""
    is_word = value is None or isinstance(value, bool)
    return json.dumps(value) if is_word else str(value).replace(" ", "")


def _keys(tree: object, prefix: str = "") -> Iterator[str]:
    """All dotted keys, sections included."""
    for name, value in tree.items() if isinstance(tree, dict) else ():
        yield f"{prefix}{name}"
        yield from _keys(value, f"{prefix}{name}.")


def one_line(text: str) -> str:
    """Returns the text without its line breaks."""
    return " ".join(text.split())


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """Returns "; did you mean ...?", or nothing where nothing is near."""
    near = nearest(typed, known)
    return f"; did you mean {near}?" if near is not None else ""


def nearest(typed: str, known: Iterable[str]) -> str | None:
    """Returns the known name that is most like what was typed, if any is: mostly a matter of its last part.

    A short form is like a name: `lr` is like `optimizer.learning_rate`.
    """

    def parts(name: str) -> tuple[str, str]:
        section, _, last = re.sub("[/:]", ".", name.casefold().replace("-", "_")).rpartition(".")
        return section, last

    def likeness(name: str) -> float:
        (section, last), (known_section, known_last) = parts(typed), parts(name)
        like = difflib.SequenceMatcher(None, last, known_last).ratio()
        if len(last) > 2 and known_last.startswith(last):
            like = max(like, 0.85)
        if last == "".join(word[:1] for word in known_last.split("_")):
            like = max(like, 0.9)
        around = difflib.SequenceMatcher(None, section, known_section).ratio()
        return 0.7 * like + 0.3 * around if section else like

    best = max(known, key=likeness, default=None)
    return best if best is not None and likeness(best) >= _NEAR else None
