"""What tells runs apart that cannot have the same result."""

import hashlib
import json
from typing import Any

from omegaconf import DictConfig, OmegaConf

# A model that sorts has the implementation resolved in its own section; sort has no effect elsewhere.
_WITHOUT_EFFECT = ("sort", "logger", "data.directory", "trainer.checkpoint_every", "trainer.keep_checkpoints")


def run_key(config: DictConfig) -> str:
    """Returns a hash of all settings that can change what a run finds.

    Left out are where data lie, how often a run is saved, the logger, and the sort where the model does not
    sort. What is not in the config is not in the key: the code, the device.

    Args:
        config: the composed config.

    Returns:
        16 hexadecimal digits.

    >>> from omegaconf import OmegaConf
    >>> config = OmegaConf.create({"sort": {"implementation": "manual"}, "model": {"name": "maxpool"}})
    >>> other = OmegaConf.create({"sort": {"implementation": "builtin"}, "model": {"name": "maxpool"}})
    >>> run_key(config) == run_key(other)
    True
    """
    settings: Any = OmegaConf.to_container(config, resolve=True)
    for key in _WITHOUT_EFFECT:
        *sections, name = key.split(".")
        section = settings
        for part in sections:
            section = section.get(part, {})
        section.pop(name, None)
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
