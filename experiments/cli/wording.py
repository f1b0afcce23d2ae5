"""How mistakes are worded: one line an exception, and the name that was probably meant."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Sequence

import yaml  # type: ignore[import-untyped, unused-ignore]
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

CONFIG_ERRORS = (HydraException, OmegaConfBaseException, yaml.YAMLError, OSError, ValueError)
"""What composing a config raises, and what Hydra raises around the task."""

_NEAR = 0.6


def one_line(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def first_line(text: str) -> str:
    """The first line that says anything; Hydra and OmegaConf put advice below it."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


@functools.singledispatch
def describe(error: BaseException) -> str:
    """What an exception of the :data:`CONFIG_ERRORS` says, in one line."""
    return one_line(str(error)) or type(error).__name__


@describe.register
def _(error: HydraException) -> str:
    # Hydra wraps OmegaConf's errors, and OmegaConf says it better.
    if isinstance(error.__cause__, OmegaConfBaseException):
        return describe(error.__cause__)
    return first_line(str(error)) or type(error).__name__


@describe.register
def _(error: MissingConfigException) -> str:
    if error.missing_cfg_file is None or error.options is None:
        return one_line(str(error).partition("onfig search path:\n")[0].removesuffix("C"))
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    return f"{group}={name}: {no_such_choice(name, error.options)}"


@describe.register
def _(error: OverrideParseException) -> str:
    override = error.override
    key, equals, value = override.partition("=")
    if not re.fullmatch(r"(\+\+?|~)?[\w$-]+([./@:][\w$-]+)*", key):
        return f"{override}: not a setting; write key=value"
    if not equals:
        return f"{override}: no value; write {override}=VALUE"
    _, evaluating, reason = error.message.partition("while evaluating")
    if evaluating:
        return f"{override}: {first_line(reason.partition(': ')[2])}"
    if any(value.count(left) != value.count(right) for left, right in ("[]", "{}", "()")):
        return f"{override}: a bracket is not closed, or should be in quotes"
    if value.count("'") % 2 or value.count('"') % 2:
        return f"{override}: a quote is not closed"
    return f"{override}: special characters take quotes; write '{key}=\"{value}\"'"


@describe.register
def _(error: OmegaConfBaseException) -> str:
    return first_line(str(error))


@describe.register
def _(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    where = f"{mark.name}, line {mark.line + 1}: " if mark is not None else ""
    return one_line(f"{where}not valid YAML: {error.problem}")


@describe.register
def _(error: OSError) -> str:
    if error.filename is None:
        return first_line(str(error))
    return f"{error.filename}: {error.strerror}"


def no_such_choice(name: str, options: Sequence[str]) -> str:
    """What is wrong with a choice that its group does not have."""
    return f"no such choice{did_you_mean(name, options)} (choices: {', '.join(options)})"


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """``"; did you mean ...?"``, or nothing where nothing is near."""
    near = nearest(typed, known)
    return f"; did you mean {near}?" if near is not None else ""


def nearest(typed: str, known: Iterable[str]) -> str | None:
    """The known name that is most like what was typed, if any is.

    A short form of a dotted name counts as like it: ``lr`` is like ``optimizer.learning_rate``.
    """
    best = max(known, key=functools.partial(_likeness, typed), default=None)
    return best if best is not None and _likeness(typed, best) >= _NEAR else None


def _likeness(typed: str, known: str) -> float:
    """How alike two dotted names are, from 0 to 1: mostly a matter of their last parts."""
    section, _, name = _normal(typed).rpartition(".")
    known_section, _, known_name = _normal(known).rpartition(".")
    in_name = _name_likeness(name, known_name)
    return 0.7 * in_name + 0.3 * _ratio(section, known_section) if section else in_name


def _normal(name: str) -> str:
    return name.casefold().replace("-", "_").replace("/", ".")


def _name_likeness(typed: str, known: str) -> float:
    if typed == known:
        return 1.0
    if typed == "".join(word[:1] for word in known.split("_")):
        return 0.9
    if len(typed) > 2 and known.startswith(typed):
        return 0.85
    return _ratio(typed, known)


def _ratio(left: str, right: str) -> float:
    return difflib.SequenceMatcher(None, left, right).ratio()
