"""The training loop."""

import time
from pathlib import Path
from typing import Any

import jax
from omegaconf import DictConfig

from experiments.data import training_batches
from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.tasks import Evaluation
from experiments.training.checkpoints import Checkpoints, restore, run_directory
from experiments.training.evaluation import evaluator
from experiments.training.loggers import RunLogger, build_logger
from experiments.training.profiling import write_profile
from experiments.training.progress import Progress, described
from experiments.training.results import CompiledStep, Outcome, write_results
from experiments.training.setup import Setup, build_setup
from experiments.training.steps import Batch, TrainState, make_train_step

# Step, state and the rows until there.
Beginning = tuple[int, TrainState, list[dict[str, float]]]


def train(config: DictConfig, output: Path) -> dict[str, Any]:
    """Trains and evaluates a model; writes metrics, checkpoints, pictures and a summary into `output`.

    Args:
        config: the composed config.
        output: the run's output directory; it exists.

    Returns:
        The summary, as in `summary.json`.

    Raises:
        UserError: the config asks for something that can't be, or the loss stopped being a number.
    """
    logger = build_logger(config, output)  # first: what it needs may be missing
    setup = build_setup(config)
    beginning = _begin(config.trainer, setup)
    with logger:
        outcome = _run(config, output, setup, beginning, logger)
        summary = write_results(output, config, setup, outcome)
        logger.summarize(summary)
    return summary


def _run(config: DictConfig, output: Path, setup: Setup, beginning: Beginning, logger: RunLogger) -> Outcome:
    """Trains from the beginning to the end, and evaluates."""
    trainer = config.trainer
    start, state, earlier = beginning
    for row in earlier:
        logger.log(row)
    batches = training_batches(setup.data.train, trainer.batch_size, config.seed)
    step = _compile_step(setup, state, batches[0])
    if trainer.profile:
        write_profile(output, step.run, state, batches)
    evaluate = evaluator(setup.graph, setup.task, trainer.batch_size)

    seconds: list[float] = []
    history: list[Evaluation] = []
    elapsed = earlier[-1].get("seconds", 0.0) if earlier else 0.0
    with (
        Checkpoints(output, trainer.keep_checkpoints) as checkpoints,
        Progress(trainer.steps, start) as progress,
    ):
        for now in range(start + 1, trainer.steps + 1):
            began = time.perf_counter()
            state, on_device = step.run(state, batches[now - 1])
            metrics = {
                name: float(on_device[name]) for name in ("loss", *sorted(on_device.keys() - {"loss"}))
            }
            seconds.append(time.perf_counter() - began)
            elapsed += seconds[-1]

            since = {"step": now, "seconds": elapsed}
            logger.log({**since, **metrics, "learning_rate": float(setup.schedule(now - 1))})
            progress.update(now, metrics)
            if metrics["loss"] != metrics["loss"]:
                raise UserError(f"the loss is not a number at step {now}; lower optimizer.learning_rate.")

            last = now == trainer.steps
            if last or now % trainer.evaluate_every == 0:
                history.append(evaluate(now, state.parameters, setup.data.validation))
                result = setup.task.metrics(history[-1], history[-1])
                logger.log({**since, **{f"validation_{key}": value for key, value in result.items()}})
                progress.say(f"step {now}/{trainer.steps}  validation {described(result)}")
            if last or now % trainer.checkpoint_every == 0:
                checkpoints.save(now, state)

        test = evaluate(trainer.steps, state.parameters, setup.data.test)
        if not history:  # nothing was left to train
            history.append(evaluate(trainer.steps, state.parameters, setup.data.validation))
        outcome = Outcome(state, step, seconds, history, test, setup.task.metrics(test, history[-1]))
        progress.say(f"test {described(outcome.metrics)}")
    return outcome


def _begin(trainer: DictConfig, setup: Setup) -> Beginning:
    """Returns step, state and rows to begin with: those of `trainer.resume`, or none."""
    if trainer.resume is None:
        return 0, setup.initial, []
    path = Path(trainer.resume)
    start, state = restore(path, setup.initial)
    if start > trainer.steps:
        raise UserError(
            f"trainer.steps={trainer.steps} is less than the {start} steps of trainer.resume={path}."
        )
    return start, state, [row for row in RunDirectory(run_directory(path)).metrics() if row["step"] <= start]


def _compile_step(setup: Setup, state: TrainState, batch: Batch) -> CompiledStep:
    began = time.perf_counter()
    step = make_train_step(setup.graph, setup.task, setup.optimizer)
    compiled = jax.jit(step).lower(state, batch).compile()
    return CompiledStep(compiled, time.perf_counter() - began)
