"""What a model makes of a split."""

from collections.abc import Callable

import jax
import numpy as np
from flax import nnx

from experiments.data import Examples, evaluation_batches
from experiments.tasks import Evaluation, Task

Evaluator = Callable[[int, nnx.State, Examples], Evaluation]


def evaluator(graph: nnx.GraphDef, task: Task, batch_size: int) -> Evaluator:
    """Returns `evaluate(step, parameters, examples)`, which predicts for every example, in order."""
    predict = jax.jit(lambda parameters, batch: task.predict(nnx.merge(graph, parameters), batch))

    def evaluate(step: int, parameters: nnx.State, examples: Examples) -> Evaluation:
        parts = []
        for batch in evaluation_batches(examples, batch_size):
            predictions = jax.device_get(predict(parameters, batch))
            parts.append({name: values[batch["valid"]] for name, values in predictions.items()})
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return Evaluation(step, joined, examples)

    return evaluate
