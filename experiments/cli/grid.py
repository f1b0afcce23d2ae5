"""The jobs of a sweep: every combination of the values listed."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from experiments.errors import UserError

Axes = list[list[Override]]


def grid(params: Mapping[str, Any], settings: Sequence[Override], parser: OverridesParser) -> Axes:
    """Returns the values of every key of a sweep, in the order in which they vary, the slowest first.

    Args:
        params: values by key, separated by commas; what the settings name replaces what they say of it.
        settings: as typed; the last of two for the same key counts.
        parser: reads both.

    Raises:
        UserError: a key has no value, or an interval of them.
    """
    same = {setting.get_key_element() for setting in settings}
    named = {key for setting in settings for key, _ in assignments(setting)}
    kept = [f"{key}={v}" for key, v in params.items() if key in same or key.lstrip("+~") not in named]
    axes: dict[str, list[str]] = {}
    for setting in [*parser.parse_overrides(kept), *settings]:
        key, line = setting.get_key_element(), str(setting.input_line)
        if setting.is_interval_sweep():
            raise UserError(f"{line}: a sweep lists its values, as in {key}=1,2,3")
        values = setting.sweep_string_iterator() if setting.is_sweep_override() else None
        axes[key] = [line] if values is None else [f"{key}={value}" for value in values]
        if not axes[key]:
            raise UserError(f"{line}: no values, so no jobs; name at least one")
    return [parser.parse_overrides(lines) for lines in axes.values()]


def every_value(axes: Axes) -> Iterator[list[Override]]:
    """Yields jobs in which every value occurs, the others being the first of theirs.

    Composing the whole product would take minutes where a sweep has thousands of jobs.
    """
    first = [axis[0] for axis in axes]
    yield first
    for index, axis in enumerate(axes):
        yield from ([*first[:index], setting, *first[index + 1 :]] for setting in axis[1:])


def every_job(axes: Axes) -> list[list[str]]:
    """Returns the settings of every job, as typed."""
    return [[str(setting.input_line) for setting in job] for job in itertools.product(*axes)]


def assignments(setting: Override) -> list[tuple[str, Any]]:
    """Returns the dotted keys that a setting sets, and to what; a dictionary sets several."""
    pending: list[tuple[str, Any]] = [(setting.key_or_group, setting.value())]
    flat = []
    while pending:
        key, value = pending.pop(0)
        if isinstance(value, dict) and value:
            pending += [(f"{key}.{name}", inner) for name, inner in value.items()]
        else:
            flat.append((key, value))
    return flat
