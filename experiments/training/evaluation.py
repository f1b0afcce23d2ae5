"""What a model makes of a split."""

from collections.abc import Callable
from contextlib import closing

import jax
import numpy as np
from flax import nnx

from experiments.data import Batch, Split, evaluation_batches, stream
from experiments.tasks import Arrays, Evaluation
from experiments.training.annealing import at_step
from experiments.training.distributed import gathered
from experiments.training.precision import model_in
from experiments.training.setup import Setup

Evaluator = Callable[[int, nnx.State, Split], Evaluation]


def evaluator(setup: Setup) -> Evaluator:
    """Returns `evaluate(step, parameters, examples)`, which predicts for every example, in order.

    Relaxed sorts are those of the step, so in the end those of the end of their schedule.
    """
    task, devices, trainer = setup.task, setup.devices, setup.trainer

    def predictions(parameters: nnx.State, batch: Batch, step: int) -> Arrays:
        model = at_step(model_in(trainer.precision, setup.graph, parameters), step)
        return at_step(task, step).predict(model, batch)

    predict = jax.jit(predictions, out_shardings=devices.everywhere)

    def evaluate(step: int, parameters: nnx.State, examples: Split) -> Evaluation:
        left_out = {*examples.kind.inputs, "key"}  # the inputs may be more than memory holds
        predictions, given = [], []
        with closing(stream(evaluation_batches(examples, trainer.batch_size, devices.process))) as batches:
            for batch in batches:
                predicted = jax.device_get(predict(parameters, devices.place(batch), step))
                kept = gathered({name: values for name, values in batch.items() if name not in left_out})
                valid = kept.pop("valid")
                predictions.append({name: values[valid] for name, values in predicted.items()})
                given.append({name: values[valid] for name, values in kept.items()})
        return Evaluation(step, _joined(predictions), _joined(given), examples)

    return evaluate


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
