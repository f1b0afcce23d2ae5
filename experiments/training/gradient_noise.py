"""How much the gradient of a step depends on its batch."""

from collections.abc import Callable

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from experiments.data import Batch
from experiments.training.annealing import steps_made
from experiments.training.setup import Setup
from experiments.training.steps import TrainState, make_objective


def gradient_noise(setup: Setup) -> Callable[[TrainState], float] | None:
    """Returns what measures the noise of the gradient at a state; None where no run wants it measured.

    Over the first `trainer.gradient_noise` batches, always the same, it is the variance of the gradient, its
    trace, divided by the squared norm of the mean gradient: Σ‖gᵢ − ḡ‖² / ((k − 1) ‖ḡ‖²). At 1 a batch
    misses the gradient by as much as that is long.

    Source: S. McCandlish, J. Kaplan, D. Amodei, An Empirical Model of Large-Batch Training, 2018.
    """
    count, devices = setup.trainer.gradient_noise, setup.devices
    if not count:
        return None
    objective = make_objective(setup.graph, setup.task, setup.trainer.precision)

    @jax.jit
    def gradient(state: TrainState, batch: Batch) -> jax.Array:
        found, _ = jax.grad(objective, has_aux=True)(state.parameters, batch, steps_made(state.optimizer))
        return ravel_pytree(found)[0]

    def measure(state: TrainState) -> float:
        batches = (devices.place(setup.batches[i]) for i in range(count))
        found = np.stack([jax.device_get(gradient(state, batch)) for batch in batches]).astype(np.float64)
        mean = found.mean(0)
        return float(np.sum((found - mean) ** 2) / (count - 1) / np.sum(mean**2))

    return measure
