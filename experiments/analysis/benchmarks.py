"""What is timed: sorts of several shapes with their gradients, and whole training steps."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from omegaconf import DictConfig

import diffsort
from experiments.analysis.timing import Program, Timing, time_in_turn
from experiments.data import training_batches
from experiments.training.setup import Setup, build_model, build_setup
from experiments.training.steps import TrainState, make_train_step

IMPLEMENTATIONS = ("manual", "builtin", "double_argsort")

# Shapes and the axis sorted: the article's, sets × points × features, and independent rows.
SORTS: dict[str, dict[tuple[int, ...], int]] = {
    "article": {(1_000_000,): 0},
    "pooling": {(16, 256, 64): 1, (64, 64, 128): 1, (256, 64, 64): 1, (32, 1024, 64): 1, (1024, 16, 64): 1},
    "rows": {(1024, 1024): 1, (8192, 32): 1, (64, 4096): 1, (4096, 256): 1, (1024, 128): 0, (64, 64): 1},
    "tiny": {(2,): 0, (16,): 0, (64,): 0, (128,): 0, (256,): 0, (8, 8): 1, (32, 16): 1},
}
SUITES = (*SORTS, "step")


@dataclass(frozen=True)
class Result:
    """Timings of one case.

    Attributes:
        suite: the suite it belongs to.
        case: what was sorted or trained.
        timings: by implementation, or by model and implementation.
    """

    suite: str
    case: str
    timings: dict[str, Timing]


def run_sorts(suite: str, seconds: float) -> Iterator[Result]:
    """Times forward and backward of a sort of float32, a result for each shape of the suite.

    Args:
        suite: a key of SORTS.
        seconds: about how long to take for a shape.
    """
    for shape, axis in SORTS[suite].items():
        x, cotangent = (jax.random.normal(jax.random.key(seed), shape) for seed in (0, 1))
        programs = {name: _forward_and_backward(name, x, cotangent, axis) for name in IMPLEMENTATIONS}
        case = f"{'×'.join(map(str, shape))}, axis {axis}"
        yield Result(suite, case, time_in_turn(programs, seconds))


def run_steps(config: DictConfig, seconds: float) -> Iterator[Result]:
    """Times a training step of model=sortpool with each implementation, and of model=maxpool.

    Args:
        config: the main config, with model=sortpool.
        seconds: about how long to take.
    """
    setup = build_setup(config)
    batch = jax.device_put(training_batches(setup.data.train, config.trainer.batch_size, config.seed)[0])
    programs = {}
    for name in IMPLEMENTATIONS:
        choice = config.copy()
        choice.sort.implementation = name
        programs[name] = _step(setup, choice, batch)
    programs["maxpool"] = _step(setup, _maxpool(config), batch)
    sets, points, _ = batch["points"].shape
    case = f"model=sortpool, {sets} sets × {points} points × {config.model.point_widths[-1]} features"
    yield Result("step", case, time_in_turn(programs, seconds))


def _forward_and_backward(name: str, x: jax.Array, cotangent: jax.Array, axis: int) -> Program:
    sort = jnp.sort if name == "builtin" else functools.partial(diffsort.sort, implementation=name)

    @jax.jit
    def program(x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, pull_back = jax.vjp(lambda x: sort(x, axis), x)
        return values, pull_back(cotangent)[0]

    return lambda: program(x, cotangent)


def _step(setup: Setup, config: DictConfig, batch: dict[str, jax.Array]) -> Program:
    graph, parameters = build_model(config, setup.data)
    step = jax.jit(make_train_step(graph, setup.loss, setup.optimizer))
    state = TrainState(parameters, setup.optimizer.init(parameters))
    return lambda: step(state, batch)


def _maxpool(config: DictConfig) -> DictConfig:
    pooling = {"_target_": "experiments.models.MaxPool", "_partial_": True}
    plain = config.copy()
    plain.model.pooling = pooling
    return plain
