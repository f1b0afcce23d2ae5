"""One optimisation step and one evaluation, as pure functions to compile."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

Batch = dict[str, Any]  # points (b, n, c), mask (b, n), labels (b,); valid (b,) in evaluations
Loss = Callable[[jax.Array, jax.Array], jax.Array]  # logits, labels -> a loss per example
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
EvaluationStep = Callable[[nnx.State, Batch], Metrics]


def make_train_step(graph: nnx.GraphDef, loss: Loss, optimizer: optax.GradientTransformation) -> TrainStep:
    """Returns `step(state, batch) -> (state, metrics)` for a model, a loss and an optimizer."""

    def objective(parameters: nnx.State, batch: Batch) -> tuple[jax.Array, jax.Array]:
        logits = nnx.merge(graph, parameters)(batch["points"], batch["mask"])
        return jnp.mean(loss(logits, batch["labels"])), logits

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        gradient = jax.value_and_grad(objective, has_aux=True)
        (value, logits), gradients = gradient(state.parameters, batch)
        updates, optimizer_state = optimizer.update(gradients, state.optimizer, state.parameters)
        parameters = optax.apply_updates(state.parameters, updates)
        metrics = {"loss": value, "accuracy": jnp.mean(_correct(logits, batch))}
        return TrainState(parameters, optimizer_state), metrics

    return step


def make_evaluation_step(graph: nnx.GraphDef, loss: Loss) -> EvaluationStep:
    """Returns `step(parameters, batch) -> sums` of loss, correct answers and examples."""

    def step(parameters: nnx.State, batch: Batch) -> Metrics:
        logits = nnx.merge(graph, parameters)(batch["points"], batch["mask"])
        valid = batch["valid"]
        return {
            "loss": jnp.sum(loss(logits, batch["labels"]), where=valid),
            "correct": jnp.sum(_correct(logits, batch), where=valid),
            "examples": jnp.sum(valid),
        }

    return step


def _correct(logits: jax.Array, batch: Batch) -> jax.Array:
    return (jnp.argmax(logits, -1) == batch["labels"]).astype(jnp.float32)
