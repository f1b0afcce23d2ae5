"""What Hydra 1.3 and 1.4 are to be told, each in its own words."""

from __future__ import annotations

from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

_IS_1_3 = hydra.__version__.startswith("1.3.")
# What configs may have made: 1.3 makes whatever they name, and cannot be told not to.
_TRUSTED = [f"{package}.*" for package in ("diffsort", "experiments", "flax", "jax", "optax")]

INITIALIZE: dict[str, Any] = {"version_base": "1.3"} if _IS_1_3 else {}
MAIN: dict[str, Any] = INITIALIZE if _IS_1_3 else {"execution_whitelist": _TRUSTED}
INSTANTIATE: dict[str, Any] = {} if _IS_1_3 else {"_execution_whitelist_": _TRUSTED}


def register_resolver() -> None:
    """Has ``${hydra_override_dirname:}`` mean in 1.3 what it does in 1.4: the settings of a sweep's job."""
    if _IS_1_3:
        OmegaConf.register_new_resolver("hydra_override_dirname", _override_dirname, replace=True)


def _override_dirname(*, _root_: DictConfig) -> str:
    name: str = _root_.hydra.job.override_dirname
    return name
