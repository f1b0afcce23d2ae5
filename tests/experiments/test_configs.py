"""Every config file: it composes, what it names exists, and it begins with its command."""

import hydra
import pytest
from omegaconf import DictConfig, OmegaConf

from tests.experiments.conftest import CONFIGS

CHOICES = sorted(
    (path.parent.name, path.stem) for path in CONFIGS.glob("*/*.yaml") if path.parent.name != "experiment"
)
EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


def targets(node):
    """All dotted names that a config wants instantiated."""
    if isinstance(node, DictConfig):
        if "_target_" in node:
            yield node["_target_"]
        for key in node:
            yield from targets(node[key])


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes_and_names_what_exists(configure, group, choice):
    config = configure(f"{group}={choice}")
    OmegaConf.resolve(config)
    for target in targets(config):
        assert callable(hydra.utils.get_object(target))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes(configure, experiment):
    OmegaConf.resolve(configure(f"+experiment={experiment}" if experiment != "smoke" else "seed=0"))


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda p: str(p.relative_to(CONFIGS)))
def test_every_config_begins_with_its_command(path):
    if "hydra" in path.parts:
        pytest.skip("configures Hydra itself")
    lines = path.read_text().splitlines()
    command = lines[1] if lines[0].startswith("# @package") else lines[0]
    assert command.startswith("# python scripts/train.py")
    group = path.parent.name
    if group != "configs":
        assert f"{group}" in command
