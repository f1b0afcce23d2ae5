"""The training loop."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import jax
from omegaconf import DictConfig

from experiments.data import PointSets, evaluation_batches, training_batches
from experiments.errors import UserError
from experiments.training.checkpoints import Checkpoints, restore, run_directory
from experiments.training.loggers import read_metrics
from experiments.training.progress import Progress
from experiments.training.setup import Setup, build_setup
from experiments.training.steps import (
    Batch,
    EvaluationStep,
    TrainState,
    TrainStep,
    make_evaluation_step,
    make_train_step,
)
from experiments.training.summary import write_results


def train(config: DictConfig, output: Path) -> dict[str, Any]:
    """Trains and evaluates a model; writes metrics, checkpoints, curves and a summary into `output`.

    Args:
        config: the composed config.
        output: the run's output directory; it exists.

    Returns:
        The summary, as in `summary.json`.

    Raises:
        UserError: the config asks for something that can't be, or the loss stopped being a number.
    """
    trainer = config.trainer
    setup = build_setup(config)
    start, state, earlier = _begin(trainer, setup)
    batches = training_batches(setup.data.train, trainer.batch_size, config.seed)
    step, compile_seconds = _compile_step(setup, state, batches[0])
    evaluate = _evaluator(setup, trainer.batch_size)

    seconds = []
    with (
        hydra.utils.instantiate(config.logger)(output, earlier) as logger,
        Checkpoints(output, trainer.keep_checkpoints) as checkpoints,
        Progress(trainer.steps, start) as progress,
    ):
        for now in range(start + 1, trainer.steps + 1):
            began = time.perf_counter()
            state, metrics = step(state, batches[now - 1])
            loss, accuracy = float(metrics["loss"]), float(metrics["accuracy"])
            seconds.append(time.perf_counter() - began)

            rate = float(setup.schedule(now - 1))
            logger.log({"step": now, "loss": loss, "accuracy": accuracy, "learning_rate": rate})
            progress.update(now, loss, accuracy)
            if loss != loss:
                raise UserError(f"the loss is not a number at step {now}; lower optimizer.learning_rate.")

            last = now == trainer.steps
            if last or now % trainer.evaluate_every == 0:
                result = evaluate(state, setup.data.validation)
                logger.log({"step": now, **{f"validation_{key}": value for key, value in result.items()}})
                progress.say(f"step {now}/{trainer.steps}  validation {_described(result)}")
            if last or now % trainer.checkpoint_every == 0:
                checkpoints.save(now, state)

        test = evaluate(state, setup.data.test)
        progress.say(f"test {_described(test)}")
    return write_results(output, config, setup, state, test, seconds, compile_seconds)


def _begin(trainer: DictConfig, setup: Setup) -> tuple[int, TrainState, list[dict[str, float]]]:
    """Returns step, state and rows to begin with: those of `trainer.resume`, or none."""
    if trainer.resume is None:
        return 0, setup.initial, []
    path = Path(trainer.resume)
    start, state = restore(path, setup.initial)
    if start > trainer.steps:
        raise UserError(
            f"trainer.steps={trainer.steps} is less than the {start} steps of trainer.resume={path}."
        )
    return start, state, [row for row in read_metrics(run_directory(path)) if row["step"] <= start]


def _compile_step(setup: Setup, state: TrainState, batch: Batch) -> tuple[TrainStep, float]:
    """Returns the compiled step, and the seconds that tracing and compiling took."""
    began = time.perf_counter()
    step = make_train_step(setup.graph, setup.loss, setup.optimizer)
    compiled = jax.jit(step).lower(state, batch).compile()
    return compiled, time.perf_counter() - began


def _evaluator(setup: Setup, batch_size: int) -> Callable[[TrainState, PointSets], dict[str, float]]:
    """Returns `evaluate(state, sets) -> loss and accuracy`, means over the sets."""
    step: EvaluationStep = jax.jit(make_evaluation_step(setup.graph, setup.loss))

    def evaluate(state: TrainState, sets: PointSets) -> dict[str, float]:
        sums = [step(state.parameters, batch) for batch in evaluation_batches(sets, batch_size)]
        total = {key: sum(float(s[key]) for s in sums) for key in ("loss", "correct", "examples")}
        return {key: total[of] / total["examples"] for key, of in (("loss", "loss"), ("accuracy", "correct"))}

    return evaluate


def _described(result: dict[str, float]) -> str:
    return f"loss {result['loss']:.4f}  accuracy {result['accuracy']:.4f}"
