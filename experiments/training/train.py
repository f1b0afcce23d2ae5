"""The training loop."""

import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from omegaconf import DictConfig

from experiments.errors import UserError
from experiments.run_directory import BEST, CHECKPOINTS, RunDirectory
from experiments.tasks import Evaluation
from experiments.training.best import Best
from experiments.training.checkpoints import Checkpoints
from experiments.training.environment import describe_environment
from experiments.training.evaluation import evaluator
from experiments.training.loggers import RunLogger
from experiments.training.profiling import write_profile
from experiments.training.progress import Progress, described
from experiments.training.results import Outcome, write_results
from experiments.training.setup import Setup, count_parameters
from experiments.training.signals import Stopped, StopSignals
from experiments.training.steps import TrainState, make_train_step


class Beginning(NamedTuple):
    """Where a run begins, or goes on.

    Attributes:
        step: how many steps have been made.
        state: parameters and optimizer state then.
        rows: the rows of metrics.jsonl until then.
        extra: the integers that were saved with the state.
    """

    step: int
    state: TrainState
    rows: list[dict[str, float]]
    extra: Mapping[str, int]


def train(
    config: DictConfig, run: RunDirectory, setup: Setup, beginning: Beginning, logger: RunLogger
) -> dict[str, Any]:
    """Trains and evaluates a model; writes metrics, checkpoints, pictures and, last, the summary.

    Args:
        config: the composed config.
        run: where to write; its metrics.jsonl holds the rows of the beginning.
        setup: what the config describes.
        beginning: where to begin.
        logger: of the run, entered.

    Returns:
        The summary, as in `summary.json`.

    Raises:
        UserError: the loss stopped being a number, or what was to be written cannot be.
        Stopped: a signal has come; the state after the step then is saved.
    """
    environment = describe_environment()
    _introduce(config, run, setup, environment)
    logger.begin(beginning.rows)
    outcome = _steps(config, run, setup, beginning, logger)
    summary = write_results(run, config, setup, outcome, environment)
    logger.summarize(summary)
    return summary


def _steps(
    config: DictConfig, run: RunDirectory, setup: Setup, beginning: Beginning, logger: RunLogger
) -> Outcome:
    """Trains from the beginning to the end, and evaluates."""
    trainer, task = config.trainer, setup.task
    now, state, rows, _ = beginning
    step, compile_time = _compile_step(setup, state)
    if trainer.profile:
        write_profile(run.path, step, state, setup.batches)
    evaluate = evaluator(setup.graph, task, trainer.batch_size)

    history: list[Evaluation] = []
    elapsed = rows[-1].get("seconds", 0.0) if rows else 0.0
    best = Best(task, rows)
    with (
        Checkpoints(run, trainer.keep_checkpoints) as checkpoints,
        StopSignals() as signals,
        Progress(trainer.steps, now) as progress,
    ):
        while now < trainer.steps and not _patience_is_out(trainer, best):
            began = time.perf_counter()
            state, on_device = step(state, setup.batches[now])
            metrics = {
                name: float(on_device[name]) for name in ("loss", *sorted(on_device.keys() - {"loss"}))
            }
            elapsed += time.perf_counter() - began

            now += 1
            since = {"step": now, "seconds": elapsed}
            logger.log({**since, **metrics, "learning_rate": float(setup.schedule(now - 1))})
            progress.update(now, metrics)
            if metrics["loss"] != metrics["loss"]:
                raise UserError(f"the loss is not a number at step {now}; lower optimizer.learning_rate.")

            last = now == trainer.steps
            if last or now % trainer.evaluate_every == 0:
                history.append(evaluate(now, state.parameters, setup.data.validation))
                result = task.metrics(history[-1], history[-1])
                row = {**since, **{f"validation_{key}": value for key, value in result.items()}}
                logger.log(row)
                progress.say(f"step {now}/{trainer.steps}  validation {described(result)}")
                if best.update(row):
                    checkpoints.save(BEST, now, state)
                last = last or _patience_is_out(trainer, best)
            if last or now % trainer.checkpoint_every == 0 or signals.number is not None:
                checkpoints.save(CHECKPOINTS, now, state)
            if signals.number is not None:
                checkpoints.wait()
                raise Stopped(signals.number, now)

        if now < trainer.steps:
            metric = task.metric.replace("_", " ")
            progress.say(f"stops early at step {now}: no better validation {metric} since step {best.step}")
        test = evaluate(now, state.parameters, setup.data.test)
        if not history:  # nothing was left to train
            history.append(evaluate(now, state.parameters, setup.data.validation))
        metrics = task.metrics(test, history[-1])
        progress.say(f"test {described(metrics)}")
    return Outcome(now, state, step, compile_time, history, test, metrics)


def _patience_is_out(trainer: DictConfig, best: Best) -> bool:
    return trainer.patience is not None and best.waited >= trainer.patience


def _introduce(config: DictConfig, run: RunDirectory, setup: Setup, environment: dict[str, Any]) -> None:
    """Says what the run is, before the minutes that it takes."""
    data, parameters = setup.data, count_parameters(setup.initial.parameters)
    print(
        f"{config.model.name}: {parameters:,} parameters; {data.name}: {len(data.train):,} training, "
        f"{len(data.validation):,} validation, {len(data.test):,} test examples, "
        f"batches of {config.trainer.batch_size}; {environment['device']}; writes to {run.path}",
        file=sys.stderr,
    )


def _compile_step(setup: Setup, state: TrainState) -> tuple[jax.stages.Compiled, float]:
    print("compiling … ", end="", file=sys.stderr, flush=True)
    began = time.perf_counter()
    step = make_train_step(setup.graph, setup.task, setup.optimizer)
    compiled = jax.jit(step).lower(state, setup.batches[0]).compile()
    seconds = time.perf_counter() - began
    print(f"{seconds:.1f} s", file=sys.stderr)
    return compiled, seconds
