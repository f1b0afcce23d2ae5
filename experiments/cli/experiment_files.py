"""What an experiment sets: keys that the configs it is put upon declare, and values of their kinds.

A choice of ``experiment`` is merged over all others, where a misspelt key would be one more key that nobody
reads. So the same choices are composed without it, and what it added is told from what it changed.
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from experiments.cli.composition import Composer, to_tree
from experiments.cli.trees import UNKNOWN, find, keys_around, kind_missed, nodes, without_hydra
from experiments.cli.wording import did_you_mean
from experiments.errors import UserError

_GROUP = "experiment"


def check_experiment(compose: Composer, config: DictConfig) -> None:
    """Raises :class:`UserError` for the first key of the chosen experiment that nothing declares.

    Args:
        compose: what composed the config.
        config: a job's; it need not have an experiment.
    """
    tree = to_tree(config)
    choices: dict[str, str | None] = tree["hydra"]["runtime"]["choices"]
    name = choices.get(_GROUP)
    if name is None or "???" in choices.values():
        return
    declared = _without_experiment(compose, choices)
    for key, value in nodes(without_hydra(tree), into_lists=False):
        default = find(declared, key)
        if default is UNKNOWN:
            hint = did_you_mean(key, (known for known, _ in nodes(declared)))
            hint = hint or f" ({keys_around(declared, key)})"
            raise UserError(f"experiment={name}: {key}: no such key{hint}")
        if (kind := kind_missed(value, default)) is not None:
            raise UserError(f"experiment={name}: {key}: {value!r}, but it takes {kind}")


def _without_experiment(compose: Composer, choices: dict[str, str | None]) -> dict[str, Any]:
    defaults = to_tree(compose.compose([]))["hydra"]["runtime"]["choices"]
    lines = []
    for group, choice in choices.items():
        if group == _GROUP or defaults.get(group) == choice:
            continue
        sign = "" if group in defaults else "+"
        lines.append(f"~{group}" if choice is None else f"{sign}{group}={choice}")
    return without_hydra(to_tree(compose.compose(compose.parse(lines))))  # Hydra checks its own keys
