"""From a config to the objects it describes, with every mistake told before training starts."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx
from omegaconf import DictConfig

from diffsort import implementation_names
from diffsort.implementations import get_implementation
from experiments.data import Batches, Dataset, training_batches
from experiments.errors import UserError
from experiments.tasks import Task
from experiments.training.building import build_data, build_model, build_task
from experiments.training.optimizers import build_optimizer
from experiments.training.steps import TrainState


@dataclass(frozen=True)
class Setup:
    """What a run is made of.

    Attributes:
        data: training, validation and test sets.
        batches: of the training set, one for every step.
        task: what the model is trained to do.
        graph: the model without its parameters.
        optimizer: turns gradients into updates.
        schedule: learning rate at a step.
        initial: parameters and optimizer state at step 0.
    """

    data: Dataset
    batches: Batches
    task: Task
    graph: nnx.GraphDef
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
    task = build_task(config)
    data = build_data(config, task)
    batches = training_batches(data.train, config.trainer.batch_size, config.seed)
    graph, parameters = build_model(config, data, task)
    optimizer, schedule = build_optimizer(config.optimizer, config.trainer.steps)
    return Setup(
        data=data,
        batches=batches,
        task=task,
        graph=graph,
        optimizer=optimizer,
        schedule=schedule,
        initial=TrainState(parameters, optimizer.init(parameters)),
    )


def check_trainer(config: DictConfig) -> None:
    """Checks the numbers of the trainer.

    Raises:
        UserError: one is out of range.
    """
    for key in ("steps", "batch_size", "evaluate_every", "checkpoint_every", "keep_checkpoints"):
        if config[key] < 1:
            raise UserError(f"trainer.{key}={config[key]} must be at least 1.")
    if config.patience is not None and config.patience < 1:
        raise UserError(f"trainer.patience={config.patience} must be at least 1, or null.")


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
