"""From a config to the objects it describes, with every mistake told before training starts."""

import difflib
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import jax
import optax
from flax import nnx
from omegaconf import DictConfig

from diffsort import implementation_names
from diffsort.implementations import get_implementation
from experiments.data import Batches, Dataset, RaggedSets, training_batches
from experiments.errors import UserError
from experiments.schema import Trainer
from experiments.sort_schema import sort_name
from experiments.tasks import Task
from experiments.training.annealing import at_step
from experiments.training.building import build_data, build_model, build_task, constructor
from experiments.training.devices import Devices, find_devices
from experiments.training.nonfinite import POLICIES
from experiments.training.optimizers import build_optimizer
from experiments.training.precision import PRECISIONS
from experiments.training.steps import Steps, TrainState, make_train_step


@dataclass(frozen=True)
class Setup:
    """What a run is made of.

    Attributes:
        trainer: how long to train, and what to do on the way.
        data: training, validation and test sets.
        batches: of the training set, one for every step.
        devices: where it is trained.
        task: what the model is trained to do.
        graph: the model without its parameters.
        optimizer: turns gradients into updates.
        schedule: learning rate at a step.
        shapes: what parameters and optimizer state are like, without their values.
    """

    trainer: Trainer
    data: Dataset
    batches: Batches
    devices: Devices
    task: Task
    graph: nnx.GraphDef
    optimizer: optax.GradientTransformation
    schedule: optax.Schedule
    shapes: TrainState
    _initialised: Callable[[], TrainState]

    @functools.cached_property
    def initial(self) -> TrainState:
        """Parameters and optimizer state at step 0; a run that goes on has no need of them."""
        return self._initialised()

    def steps(self, graph: nnx.GraphDef | None = None, task: Task | None = None) -> Steps:
        """Returns the training step of this model and task, or of others like them, to be compiled."""
        step = make_train_step(
            *(graph or self.graph, task or self.task, self.optimizer),
            precision=self.trainer.precision,
            skips=self.trainer.on_nonfinite == "skip",
        )
        return Steps(step, self.shapes, self.devices, checked=self.trainer.debug)


def build_setup(config: DictConfig, devices: Devices | None = None) -> Setup:
    """Builds everything a run needs.

    Args:
        config: the composed config.
        devices: where to train; None for those that the config asks for.

    Raises:
        UserError: the config asks for something that can't be.
    """
    if config.seed < 0:
        raise UserError(f"seed={config.seed} must not be negative.")
    trainer = trainer_settings(config.trainer)
    check_sort(config)
    devices = devices or find_devices(trainer.devices, trainer.batch_size)
    task = build_task(config)
    data = build_data(config, task)
    if data.train.kind is RaggedSets and devices.count > 1:
        raise UserError(
            f"data.ragged=true: cannot be divided among {devices.count} devices; write trainer.devices=1, "
            "or data.ragged=false"
        )
    batches = training_batches(data.train, trainer.batch_size, config.seed, devices.process)
    graph, shapes = build_model(config, data, task, abstract=True)
    optimizer, schedule = build_optimizer(config.optimizer, trainer.steps)

    def initialised() -> TrainState:
        _, parameters = build_model(config, data, task)
        return TrainState(parameters, jax.jit(optimizer.init)(parameters))

    return Setup(
        trainer=trainer,
        data=data,
        batches=batches,
        devices=devices,
        task=task,
        graph=graph,
        optimizer=optimizer,
        schedule=schedule,
        shapes=TrainState(shapes, jax.eval_shape(optimizer.init, shapes)),
        _initialised=initialised,
    )


def trainer_settings(config: DictConfig) -> Trainer:
    """Returns the settings of the trainer, plain and checked; those that an older config lacks by default.

    Raises:
        UserError: one is out of range.
    """
    trainer = Trainer(**{key.name: config[key.name] for key in fields(Trainer) if key.name in config})
    for key in (
        "steps",
        "batch_size",
        "steps_per_call",
        "evaluate_every",
        "checkpoint_every",
        "keep_checkpoints",
    ):
        if getattr(trainer, key) < 1:
            raise UserError(f"trainer.{key}={getattr(trainer, key)} must be at least 1.")
    if trainer.gradient_noise < 0 or trainer.gradient_noise == 1:
        raise UserError(f"trainer.gradient_noise={trainer.gradient_noise} must be at least 2, or 0.")
    if trainer.patience is not None and trainer.patience < 1:
        raise UserError(f"trainer.patience={trainer.patience} must be at least 1, or null.")
    for key, choices in (("on_nonfinite", POLICIES), ("precision", PRECISIONS)):
        if (choice := getattr(trainer, key)) not in choices:
            raise UserError(f"trainer.{key}={choice}: no such choice (choices: {', '.join(choices)})")
    return trainer


def check_sort(config: DictConfig) -> None:
    """Checks that the sort exists, takes its settings, and is available here.

    Raises:
        UserError: it does not, or is not.
    """
    wanted, name = config.sort.implementation, sort_name(config)
    try:
        get_implementation(wanted if isinstance(wanted, str) else at_step(constructor(wanted)(), 0))
    except ValueError as error:
        if not isinstance(wanted, str):
            raise UserError(f"sort={name}: {error}") from error
        if name in implementation_names():
            raise UserError(f"sort.implementation={name}: {error}") from None
        known = ", ".join(implementation_names())
        near = difflib.get_close_matches(name, implementation_names(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(
            f"sort.implementation={name}: no such implementation{hint} (choices: {known}; one of your own: "
            "{_target_: module.function}, a function that returns it)"
        ) from None


def count_parameters(parameters: nnx.State) -> int:
    """Returns how many numbers the model learns."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(parameters))
