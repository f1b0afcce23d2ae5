"""Hydra's instantiate, in one place."""

from collections.abc import Callable
from typing import Any

import hydra
from hydra.errors import InstantiationException
from omegaconf import DictConfig

from experiments.errors import UserError
from experiments.hydra_versions import INSTANTIATE


def constructor(config: DictConfig | dict[str, Any]) -> Callable[..., Any]:
    """Returns what `_target_` names, with the config's settings filled in.

    Objects are passed to what it returns, not to Hydra, which takes some of them for configs.

    Raises:
        UserError: something within has a setting that it refuses.
    """
    try:
        made: Callable[..., Any] = hydra.utils.instantiate(
            config, _partial_=True, _convert_="all", **INSTANTIATE
        )
    except InstantiationException as error:
        if isinstance(error.__cause__, (TypeError, ValueError)):  # a setting within was refused
            raise UserError(f"{error.__cause__}") from error
        raise
    return made
