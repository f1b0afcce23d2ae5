"""What a model makes of a split."""

from collections.abc import Callable
from contextlib import closing

import jax
import numpy as np
from flax import nnx

from experiments.data import Split, evaluation_batches, stream
from experiments.tasks import Evaluation, Task

Evaluator = Callable[[int, nnx.State, Split], Evaluation]


def evaluator(graph: nnx.GraphDef, task: Task, batch_size: int) -> Evaluator:
    """Returns `evaluate(step, parameters, examples)`, which predicts for every example, in order."""
    predict = jax.jit(lambda parameters, batch: task.predict(nnx.merge(graph, parameters), batch))

    def evaluate(step: int, parameters: nnx.State, examples: Split) -> Evaluation:
        left_out = {*examples.kind.inputs, "key", "valid"}  # the inputs may be more than memory holds
        predictions, given = [], []
        with closing(stream(evaluation_batches(examples, batch_size))) as batches:
            for batch in batches:
                valid = batch["valid"]
                predicted = jax.device_get(predict(parameters, batch))
                predictions.append({name: values[valid] for name, values in predicted.items()})
                given.append({name: values[valid] for name, values in batch.items() if name not in left_out})
        return Evaluation(step, _joined(predictions), _joined(given), examples)

    return evaluate


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
