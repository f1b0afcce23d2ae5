"""Optimisation steps: one as a pure function, and compiled, one or several a call."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from experiments.data import Batch
from experiments.tasks import Task
from experiments.training.annealing import at_step, steps_made
from experiments.training.devices import Devices
from experiments.training.precision import model_in

Metrics = dict[str, jax.Array]
Leaves = list[jax.Array]


class TrainState(NamedTuple):
    """All that changes while training.

    Attributes:
        parameters: what the model learns.
        optimizer: the optimizer's state.
    """

    parameters: nnx.State
    optimizer: optax.OptState


# Of parameters, a batch and how many steps have been made.
Objective = Callable[[nnx.State, Batch, jax.Array], tuple[jax.Array, Metrics]]
TrainStep = Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


def make_objective(graph: nnx.GraphDef, task: Task, precision: str) -> Objective:
    """Returns what a step makes smaller, of the model as it computes in a precision.

    Relaxed sorts are those of the step.
    """

    def objective(parameters: nnx.State, batch: Batch, step: jax.Array) -> tuple[jax.Array, Metrics]:
        model = at_step(model_in(precision, graph, parameters), step)
        return at_step(task, step).objective(model, batch)

    return objective


def make_train_step(
    graph: nnx.GraphDef,
    task: Task,
    optimizer: optax.GradientTransformation,
    *,
    precision: str = "float32",
    skips: bool = False,
) -> TrainStep:
    """Returns `step(state, batch) -> (state, metrics)` for a model, a task and an optimizer.

    Of the metrics, `loss` is what the gradient is of, and `gradient_norm` the gradient's Euclidean norm.

    Args:
        graph: the model without its parameters.
        task: says what the model is to do.
        optimizer: turns gradients into updates.
        precision: what the model computes in; see `model_in`.
        skips: whether the state stays as it was where one of these two is not finite. `optax.apply_if_finite`
            looks at each number of the gradient alone, whose squares may overflow in the optimizer.
    """
    objective = make_objective(graph, task, precision)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        gradient = jax.value_and_grad(objective, has_aux=True)
        made = steps_made(state.optimizer)
        (loss, metrics), gradients = gradient(state.parameters, batch, made)
        updates, optimizer_state = optimizer.update(gradients, state.optimizer, state.parameters)
        parameters = optax.apply_updates(state.parameters, updates)
        metrics = {"loss": loss, **metrics, "gradient_norm": optax.tree.norm(gradients)}
        new = TrainState(parameters, optimizer_state)
        if skips:
            finite = jnp.isfinite(loss) & jnp.isfinite(metrics["gradient_norm"])
            new = jax.tree.map(lambda after, before: jnp.where(finite, after, before), new, state)
        return new, metrics

    return step


class Steps:
    """A training step, compiled for one step a call and, where they are asked for, for several.

    A call takes and returns the leaves of the state: to take it apart and put it together again each time
    would take as long as a small step. It takes the memory of the state that it is given, too.

    Args:
        step: the step.
        state: one to compile for; its shapes will do.
        devices: where it runs.
        checked: whether NaNs raise an error where they arise, as `jax_debug_nans` has it.

    Attributes:
        compile_time: what tracing and compiling took so far, in seconds.
        names: of the metrics, the loss first.
    """

    def __init__(self, step: TrainStep, state: TrainState, devices: Devices, checked: bool = False) -> None:
        self._step, self._structure = step, jax.tree.structure(state)
        self._devices, self._checked = devices, checked
        self._shapes = [
            jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=devices.everywhere)
            for leaf in jax.tree.leaves(state)
        ]
        self._programs: dict[int, Any] = {}
        self.compile_time = 0.0
        self.names: tuple[str, ...] = ()

    def __call__(self, leaves: Leaves, batches: Sequence[Batch]) -> tuple[Leaves, jax.Array]:
        """Makes a step with each batch; returns the leaves, and the metrics of each step, (steps, names)."""
        return self._programs[len(batches)](leaves, self._placed(batches))

    def leaves(self, state: TrainState) -> Leaves:
        """Returns the leaves of a copy of a state, on the devices, for calls to take."""
        return jax.tree.leaves(self._devices.copy(state))

    def state(self, leaves: Leaves) -> TrainState:
        """Returns the state of these leaves, which the next call takes."""
        state: TrainState = jax.tree.unflatten(self._structure, leaves)
        return state

    @property
    def length(self) -> int:
        """Of the shortest calls that are compiled."""
        return min(self._programs)

    def compile(self, batch: Batch, lengths: Iterable[int]) -> None:
        """Compiles calls of these numbers of steps, which must be before they are made."""
        began = time.perf_counter()
        for length in set(lengths) - self._programs.keys():
            self._programs[length] = self._function(length)
            if not self._checked:  # only a jitted function finds out which operation made a NaN
                self._programs[length] = self.lowered(batch, length).compile()
        self.compile_time += time.perf_counter() - began

    def compiled(self) -> jax.stages.Compiled | None:
        """Returns the program of the shortest calls; None where it is not compiled ahead."""
        program = self._programs[self.length]
        return program if isinstance(program, jax.stages.Compiled) else None

    def lowered(self, batch: Batch, length: int) -> jax.stages.Lowered:
        """Returns the program of a call before it is compiled."""
        placed = self._placed([batch] * length)
        lowered: jax.stages.Lowered = self._function(length).lower(self._shapes, placed)
        return lowered

    def _placed(self, batches: Sequence[Batch]) -> Batch:
        if len(batches) == 1:
            return self._devices.place(batches[0])
        stacked = {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}
        return self._devices.place(stacked, several=True)

    def _function(self, length: int) -> Any:
        def once(leaves: Leaves, batch: Batch) -> tuple[Leaves, jax.Array]:
            state, metrics = self._step(self.state(leaves), batch)
            self.names = ("loss", *sorted(metrics.keys() - {"loss"}))
            return jax.tree.leaves(state), jnp.stack([metrics[name] for name in self.names])

        def call(leaves: Leaves, batch: Batch) -> tuple[Leaves, jax.Array]:
            if length > 1:
                return jax.lax.scan(once, leaves, batch)
            leaves, metrics = once(leaves, batch)
            return leaves, metrics[None]

        return jax.jit(call, donate_argnums=0, out_shardings=self._devices.everywhere)
