"""How long whole training steps take."""

from collections.abc import Iterator

import jax
from omegaconf import DictConfig

from experiments.benchmarks.contestants import implementations
from experiments.benchmarks.results import RUN_TIME, Result
from experiments.benchmarks.timing import Program, time_in_turn
from experiments.data import training_batches
from experiments.training.building import build_model
from experiments.training.setup import Setup, build_setup
from experiments.training.steps import TrainState, make_train_step

MAXPOOL = "maxpool"


def run_steps(config: DictConfig, seconds: float) -> Iterator[Result]:
    """Times a training step of model=sortpool with each implementation, and of model=maxpool.

    Args:
        config: the main config, with model=sortpool.
        seconds: about how long to take.
    """
    setup = build_setup(config)
    batch = jax.device_put(training_batches(setup.data.train, config.trainer.batch_size, config.seed)[0])
    programs = {}
    for name in implementations():
        choice = config.copy()
        choice.sort.implementation = name
        programs[name] = _step(setup, choice, batch)
    programs[MAXPOOL] = _step(setup, _maxpool(config), batch)
    sets, points, _ = batch["points"].shape
    features = config.model.point_widths[-1]
    case = f"model=sortpool, {sets} sets × {points} points × {features} features"
    times = time_in_turn(programs, seconds)
    yield Result("step", case, sets * points * features, RUN_TIME, "ms", times)


def _step(setup: Setup, config: DictConfig, batch: dict[str, jax.Array]) -> Program:
    graph, parameters = build_model(config, setup.data, setup.task)
    step = jax.jit(make_train_step(graph, setup.task, setup.optimizer))
    state = TrainState(parameters, setup.optimizer.init(parameters))
    return lambda: step(state, batch)


def _maxpool(config: DictConfig) -> DictConfig:
    pooling = {"_target_": "experiments.models.MaxPool", "_partial_": True}
    plain = config.copy()
    plain.model.pooling = pooling
    return plain
