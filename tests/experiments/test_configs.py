"""Every config file: it composes, what it names exists, and it begins with its command."""

import re
import shlex
import subprocess
import sys

import hydra
import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds
from hydra import compose, initialize_config_dir
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

import diffsort
from diffsort.implementations import Implementation, get_implementation
from experiments.data import training_batches
from experiments.errors import UserError
from experiments.hydra_versions import INITIALIZE
from experiments.sort_schema import SORTS, sort_name
from experiments.training.building import constructor
from experiments.training.setup import build_setup
from experiments.training.steps import make_train_step
from tests.experiments.conftest import CONFIGS
from tests.experiments.data.writing import write, write_mnist

CHOICES = sorted(
    (path.parent.name, path.stem) for path in CONFIGS.glob("*/*.yaml") if path.parent.name != "experiment"
) + [("sort", name) for name in SORTS]
BUILT = ("task", "model", "data", "loss", "reduction")
EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


def sections(node):
    """A config and all within that have keys of their own."""
    yield node
    for key in node:
        if isinstance(node[key], DictConfig):
            yield from sections(node[key])


def targets(node):
    """All dotted names that a config wants instantiated."""
    if isinstance(node, DictConfig):
        if node.get("_target_") is not None:
            yield node["_target_"]
        for key in node:
            yield from targets(node[key])


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes_and_names_what_exists(configure, group, choice):
    config = configure(f"{group}={choice}")
    OmegaConf.resolve(config)
    for target in targets(config):
        assert callable(hydra.utils.get_object(target))
    assert dict not in {OmegaConf.get_type(section) for section in sections(config)}, (
        "something is not declared"
    )


def test_the_sorts_are_the_implementations():
    exact = [name for name in SORTS if isinstance(get_implementation(named(name)), Implementation)]
    relaxed = {*SORTS} - {*exact}
    straight = {name for name in relaxed if name.startswith("straight_through_")}
    assert {name.removeprefix("straight_through_") for name in straight} == relaxed - straight
    assert {*SORTS} - straight == {*diffsort.implementation_names()}


def named(sort):
    """The name that diffsort has for a choice of `sort=`."""
    return sort.replace("straight_through_", "straight_through:")


@pytest.mark.parametrize("choice", SORTS)
def test_a_sort_without_settings_is_that_of_its_name(configure, choice):
    config = configure(f"sort={choice}")
    wanted = config.sort.implementation
    made = wanted if isinstance(wanted, str) else constructor(wanted)()
    assert get_implementation(made) == get_implementation(named(choice))
    assert sort_name(config) == named(choice)


def test_types_are_declared_without_jax():
    program = (
        "import sys; from experiments import schema; print('jax' in sys.modules, 'optax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


@pytest.fixture(scope="module")
def _small_copies(data_directory):
    """Fills the folder of datasets with those that are not to be had everywhere, only smaller."""
    write_mnist(data_directory, "fashion_mnist", train=80, test=2)
    features = {
        "points": tfds.features.Tensor(shape=(2048, 3), dtype=np.float32),
        "label": tfds.features.ClassLabel(num_classes=40),
    }
    clouds = [{"points": np.ones((2048, 3), np.float32), "label": label % 40} for label in range(80)]
    splits = {"train": clouds, "test": clouds[:2]}
    write(data_directory, "modelnet40", tfds.features.FeaturesDict(features), splits)


def overrides_of(path):
    """The settings in the command that a config begins with."""
    command = re.search(r"^# python scripts/train.py(.*)", path.read_text(), flags=re.MULTILINE)
    return shlex.split(command[1])


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(CONFIGS.glob("*/*.yaml")) if path.parent.name in BUILT and path.stem != "tfds"],
    ids=lambda path: f"{path.parent.name}={path.stem}",
)
@pytest.mark.usefixtures("_small_copies")
def test_the_command_of_a_config_chooses_it_and_fits_together(configure, path):
    overrides = overrides_of(path)
    assert f"{path.parent.name}={path.stem}" in overrides
    setup = build_setup(configure(*overrides, "trainer.batch_size=64"))
    assert setup.task.metric


@pytest.mark.usefixtures("_small_copies")
@pytest.mark.parametrize("task", ["generation", "autoencoding"])
def test_a_task_that_draws_images_refuses_clouds(configure, task):
    overrides = overrides_of(CONFIGS / "task" / f"{task}.yaml")
    with pytest.raises(UserError, match=f"data=modelnet40: task={task} needs PixelSets, not PointSets; "):
        build_setup(configure(*overrides, "data=modelnet40"))


def cells_of(experiment):
    """Settings of cells in which every value of an experiment occurs, the others being the first."""
    config = OmegaConf.load(CONFIGS / "experiment" / f"{experiment}.yaml")
    params = OmegaConf.select(config, "hydra.sweeper.params") or {}
    values = {key: str(value).split(",") for key, value in params.items() if key != "seed"}
    first = {key: chosen[0] for key, chosen in values.items()}
    cells = [first, *({**first, key: value} for key, chosen in values.items() for value in chosen[1:])]
    return [[f"{key}={value}" for key, value in cell.items()] for cell in cells]


# Its sorts are those of relaxed_losses, and take longer to trace in FSPool.
_LONG = pytest.param("relaxed", marks=pytest.mark.slow)


@pytest.mark.usefixtures("_small_copies")
@pytest.mark.parametrize("experiment", [_LONG, *(name for name in EXPERIMENTS if name != "relaxed")])
def test_every_cell_of_an_experiment_can_be_trained(configure, experiment):
    for cell in cells_of(experiment):
        setup = build_setup(configure(f"+experiment={experiment}", *cell))
        step = make_train_step(setup.graph, setup.task, setup.optimizer)
        batch = training_batches(setup.data.train, 32, 0)[0]
        _, metrics = jax.eval_shape(step, setup.initial, batch)
        assert metrics["loss"].shape == ()


@pytest.mark.parametrize("experiment", sorted({*EXPERIMENTS} - {"smoke"}))
def test_an_experiment_is_a_sweep_over_five_seeds_or_more(experiment):
    with initialize_config_dir(str(CONFIGS), **INITIALIZE):
        config = compose("train", overrides=[f"+experiment={experiment}"], return_hydra_config=True)
    assert config.hydra.mode == RunMode.MULTIRUN
    assert config.hydra.sweep.dir == f"multirun/{experiment}"
    assert config.hydra.callbacks.report.baseline
    assert len(config.hydra.sweeper.params.seed.split(",")) >= 5


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda p: str(p.relative_to(CONFIGS)))
def test_every_config_begins_with_its_command(path):
    if "hydra" in path.parts or path.stem == "study":
        pytest.skip("configures Hydra itself")
    lines = path.read_text().splitlines()
    command = lines[1] if lines[0].startswith("# @package") else lines[0]
    assert command.startswith("# python scripts/train.py")
    group = path.parent.name
    if group != "configs":
        assert f"{group}" in command
