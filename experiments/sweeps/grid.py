"""The jobs of a sweep: every combination of the values listed."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from experiments.errors import UserError
from experiments.run_directory import flat

Axes = list[list[Override]]

_MOST = 100_000  # values of a key


def grid(params: Mapping[str, Any], settings: Sequence[Override], parser: OverridesParser) -> Axes:
    """Returns the values of every key of a sweep, in the order in which they vary, the slowest first.

    Args:
        params: values by key, separated by commas; what the settings name replaces what they say of it.
        settings: as typed; the last of two for the same key counts.
        parser: reads both.

    Raises:
        UserError: a key has no value, an interval of them, or far too many.
    """
    same = {setting.get_key_element() for setting in settings}
    named = {key for setting in settings for key in keys(setting)}
    kept = [f"{key}={v}" for key, v in params.items() if key in same or key.lstrip("+~") not in named]
    axes: dict[str, list[str]] = {}
    for setting in [*parser.parse_overrides(kept), *settings]:
        key, line = setting.get_key_element(), str(setting.input_line)
        if setting.is_interval_sweep():
            raise UserError(f"{line}: a sweep lists its values, as in {key}=1,2,3")
        axes[key] = [line]
        if setting.is_sweep_override():
            axes[key] = [f"{key}={v}" for v in itertools.islice(setting.sweep_string_iterator(), _MOST)]
        if not axes[key]:
            raise UserError(f"{line}: no values, so no jobs; name at least one")
        if len(axes[key]) == _MOST:
            raise UserError(f"{line}: a job for each value; name fewer than {_MOST:,}")
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


def keys(setting: Override) -> Iterable[str]:
    """Returns the dotted keys that a setting sets; a dictionary sets several."""
    return flat({setting.key_or_group: setting.value()})
