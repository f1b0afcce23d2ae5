"""From a config to the objects it describes, with every mistake told before training starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hydra
import jax
import numpy as np
import optax
from flax import nnx
from omegaconf import DictConfig, OmegaConf

from diffsort import implementation_names
from diffsort.implementations import get_implementation
from experiments.data import PointSetDataset, load_point_sets
from experiments.errors import UserError
from experiments.training.steps import Loss, TrainState


@dataclass(frozen=True)
class Setup:
    """What a run is made of.

    Attributes:
        data: training, validation and test sets.
        graph: the model without its parameters.
        loss: loss per example.
        optimizer: turns gradients into updates.
        schedule: learning rate at a step.
        initial: parameters and optimizer state at step 0.
    """

    data: PointSetDataset
    graph: nnx.GraphDef
    loss: Loss
    optimizer: optax.GradientTransformation
    schedule: optax.Schedule
    initial: TrainState


def build_setup(config: DictConfig) -> Setup:
    """Builds everything a run needs.

    Raises:
        UserError: the config asks for something that can't be.
    """
    if config.seed < 0:
        raise UserError(f"seed={config.seed} must not be negative.")
    check_trainer(config.trainer)
    check_sort(config.sort.implementation)
    data = load_point_sets(config.data.name, config.data.directory, config.data.max_points)
    graph, parameters = build_model(config, data)
    optimizer, schedule = build_optimizer(config.optimizer, config.trainer.steps)
    return Setup(
        data=data,
        graph=graph,
        loss=_constructor(config.loss),
        optimizer=optimizer,
        schedule=schedule,
        initial=TrainState(parameters, optimizer.init(parameters)),
    )


def build_model(config: DictConfig, data: PointSetDataset) -> tuple[nnx.GraphDef, nnx.State]:
    """Returns the model's structure and its parameters at initialisation.

    Raises:
        UserError: the model does not fit its own settings, or the data.
    """
    points = data.train.points
    k = config.model.get("k")
    if k is not None and k > points.shape[1]:
        raise UserError(
            f"model.k={k} is more than the {points.shape[1]} points of the largest set; "
            f"write model.k={points.shape[1]} or less."
        )
    settings: Any = OmegaConf.to_container(config.model, resolve=True)
    del settings["name"]  # for people
    try:
        model = _constructor(settings)(
            channels=points.shape[2], num_classes=data.num_classes, rngs=nnx.Rngs(config.seed)
        )
    except ValueError as error:  # a setting that the model's own checks refuse
        raise UserError(f"model={config.model.name}: {error}") from error
    return nnx.split(model, nnx.Param)


def build_optimizer(config: DictConfig, steps: int) -> tuple[optax.GradientTransformation, optax.Schedule]:
    """Returns the optimizer and its learning rate: linear warm-up, then a cosine down to a fraction.

    Args:
        config: `learning_rate` (peak), `warmup` and `final` (fractions of the steps and of the peak),
            `clip` (global norm of the gradient, or null), `transform` (an optax optimizer).
        steps: length of the run.

    Raises:
        UserError: a value is out of range.
    """
    _in_range("optimizer.learning_rate", config.learning_rate, low=0)
    _in_range("optimizer.warmup", config.warmup, low=0, high=1)
    _in_range("optimizer.final", config.final, low=0, high=1)
    peak = config.learning_rate
    # At least one step of each, or the schedule has nothing to interpolate.
    warmup = min(max(1, round(config.warmup * steps)), max(1, steps - 1))
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, peak, warmup, max(steps, warmup + 1), peak * config.final
    )
    transform = _constructor(config.transform)(learning_rate=schedule)
    if config.clip is None:
        return transform, schedule
    _in_range("optimizer.clip", config.clip, low=0)
    return optax.chain(optax.clip_by_global_norm(config.clip), transform), schedule


def check_trainer(config: DictConfig) -> None:
    """Checks the numbers of the trainer.

    Raises:
        UserError: one is out of range.
    """
    for key in ("steps", "batch_size", "evaluate_every", "checkpoint_every", "keep_checkpoints"):
        if config[key] < 1:
            raise UserError(f"trainer.{key}={config[key]} must be at least 1.")


def check_sort(name: Any) -> None:
    """Checks that an implementation of that name exists, and is available here.

    Raises:
        UserError: it does not, or is not.
    """
    try:
        get_implementation(name)
    except ValueError as error:
        if name in implementation_names():
            raise UserError(f"sort.implementation={name}: {error}") from None
        known = ", ".join(implementation_names())
        raise UserError(f"sort.implementation={name}: no such implementation (choices: {known}).") from None


def count_parameters(parameters: nnx.State) -> int:
    """Returns how many numbers the model learns."""
    return int(sum(np.size(leaf) for leaf in jax.tree.leaves(parameters)))


def _constructor(config: DictConfig | dict[str, Any]) -> Callable[..., Any]:
    """Hydra's instantiate, in one place: what `_target_` names, with the config's settings filled in.

    Objects are passed to what it returns, not to Hydra, which takes some of them for configs.
    """
    return hydra.utils.instantiate(config, _partial_=True, _convert_="all")


def _in_range(key: str, value: float, low: float, high: float | None = None) -> None:
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"between {low} and {high}"
        raise UserError(f"{key}={value} must be {limits}.")
