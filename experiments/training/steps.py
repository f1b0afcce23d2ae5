"""One optimisation step, as a pure function to compile."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import optax
from flax import nnx

from experiments.data import Batch
from experiments.tasks import Task

Metrics = dict[str, jax.Array]


class TrainState(NamedTuple):
    """All that changes while training.

    Attributes:
        parameters: what the model learns.
        optimizer: the optimizer's state.
    """

    parameters: nnx.State
    optimizer: optax.OptState


TrainStep = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def make_train_step(graph: nnx.GraphDef, task: Task, optimizer: optax.GradientTransformation) -> TrainStep:
    """Returns `step(state, batch) -> (state, metrics)` for a model, a task and an optimizer."""

    def objective(parameters: nnx.State, batch: Batch) -> tuple[jax.Array, Metrics]:
        return task.objective(nnx.merge(graph, parameters), batch)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        gradient = jax.value_and_grad(objective, has_aux=True)
        (loss, metrics), gradients = gradient(state.parameters, batch)
        updates, optimizer_state = optimizer.update(gradients, state.optimizer, state.parameters)
        parameters = optax.apply_updates(state.parameters, updates)
        return TrainState(parameters, optimizer_state), {"loss": loss, **metrics}

    return step
