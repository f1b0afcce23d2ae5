"""The training loop: no step waits for what became of the one before."""

import contextlib
import math
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NoReturn

import jax
import numpy as np
from omegaconf import DictConfig

from experiments.data import Batch, stream
from experiments.errors import UserError
from experiments.run_directory import BEST, CHECKPOINTS, RunDirectory
from experiments.tasks import Evaluation
from experiments.training.best import Best
from experiments.training.checkpoints import Checkpoints, Restored, restore
from experiments.training.clock import Clock
from experiments.training.distributed import (
    decided,
    kept_by_all,
    restored_by_all,
    stop_agreed_on,
    stop_signals,
)
from experiments.training.environment import describe_environment
from experiments.training.evaluation import evaluator
from experiments.training.gradient_noise import gradient_noise
from experiments.training.loggers import RunLogger
from experiments.training.nonfinite import MOST_IN_A_ROW, MOST_REWINDS, all_finite, describe
from experiments.training.profiling import write_profile
from experiments.training.progress import Progress, described
from experiments.training.results import Outcome, write_results
from experiments.training.setup import Setup, count_parameters
from experiments.training.signals import Stopped
from experiments.training.sort_share import sort_share
from experiments.training.steps import TrainState

_BEHIND = 2  # calls whose metrics are not waited for
_PASSED_OVER = "passed_over"


@dataclass(frozen=True)
class Beginning:
    """Where a run begins, or goes on.

    Attributes:
        step: how many steps have been made.
        state: parameters and optimizer state then; None for those of the setup.
        rows: the rows of metrics.jsonl until then.
        extra: the integers that were saved with the state: `passed_over`, how many batches have been left out
            by `trainer.on_nonfinite=rewind`.
    """

    step: int
    state: TrainState | None
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
        UserError: a number of the training or of the test is not finite, or nothing more can be written.
        Stopped: a signal asked for it; there is a checkpoint of the step.
    """
    environment = describe_environment(setup.devices.count)
    _introduce(config, run, setup, environment)
    logger.begin(beginning.rows)
    with _checks(setup.trainer.debug):
        outcome = _Training(config, run, setup, beginning, logger).run()
        summary = decided(lambda: write_results(run, config, setup, outcome, environment))
    logger.summarize(summary)
    return summary


class _RewindError(Exception):
    """The numbers are not finite; the way to go on is from before."""


class _Training:
    """A run on its way; the arguments are those of `train`."""

    def __init__(
        self, config: DictConfig, run: RunDirectory, setup: Setup, beginning: Beginning, logger: RunLogger
    ) -> None:
        self._config, self._run, self._setup, self._logger = config, run, setup, logger
        self._trainer = trainer = setup.trainer
        self._beginning, self._best = beginning, Best(setup.task, beginning.rows)
        self._now, self._passed_over = beginning.step, beginning.extra.get(_PASSED_OVER, 0)
        self._steps = setup.steps()
        self._evaluate, self._noise = evaluator(setup), gradient_noise(setup)
        self._rates = np.asarray(jax.jit(jax.vmap(setup.schedule))(np.arange(trainer.steps)))
        self._waiting: deque[tuple[int, jax.Array]] = deque()  # steps made before a call, and its metrics
        self._clock = Clock(beginning.rows[-1].get("seconds", 0.0) if beginning.rows else 0.0)
        self._history: list[Evaluation] = []
        self._last_saved: int | None = None
        self._not_finite = self._rewinds = 0  # in a row
        self._calls = 0

    def run(self) -> Outcome:
        """Trains from the beginning to the end, and evaluates."""
        trainer, setup = self._trainer, self._setup
        self._compile()
        measured = trainer.measure_sort and setup.task.learns_unsorted
        share = sort_share(self._config, setup, self._steps) if measured else None
        self._leaves = self._steps.leaves(self._beginning.state or setup.initial)
        if trainer.profile:
            write_profile(self._run.path, self._steps, self._state, setup.batches)
        with (
            stop_signals() as self._stop,
            Checkpoints(self._run, trainer.keep_checkpoints) as self._checkpoints,
            Progress(trainer.steps, self._now) as self._progress,
        ):
            self._clock.start()
            while not self._is_over:
                try:
                    with contextlib.closing(stream(setup.batches, self._now + self._passed_over)) as batches:
                        self._train(batches)
                except _RewindError:
                    self._rewind()
            outcome = self._outcome()
        return replace(outcome, sort_fraction=share.measure(outcome.state) if share else None)

    def _compile(self) -> None:
        """Compiles the calls that will be needed, and says how long that took."""
        trainer, several = self._trainer, self._trainer.steps_per_call
        ends = (self._now, trainer.steps, trainer.evaluate_every, trainer.checkpoint_every)
        lengths = {several, 1} if any(end % several for end in ends) else {several}
        if several > min(trainer.steps - self._now, trainer.evaluate_every, trainer.checkpoint_every):
            lengths = {1}
        print("compiling … ", end="", file=sys.stderr, flush=True)
        self._steps.compile(self._setup.batches[0], lengths)
        print(f"{self._steps.compile_time:.1f} s", file=sys.stderr)

    @property
    def _is_over(self) -> bool:
        patience = self._trainer.patience
        return self._now >= self._trainer.steps or (patience is not None and self._best.waited >= patience)

    def _train(self, batches: Iterator[Batch]) -> None:
        """Makes the steps that are left."""
        trainer = self._trainer
        while not self._is_over:
            before = self._now
            self._leaves, metrics = self._steps(self._leaves, list(islice(batches, self._call_length())))
            self._waiting.append((before, metrics))
            self._now += len(metrics)
            self._log_steps(_BEHIND)
            self._calls += 1
            if self._is_over or self._now % trainer.evaluate_every == 0:
                self._log_steps(0)
                with self._clock.paused():
                    self._validate()
            stopped = stop_agreed_on(self._stop.number, self._calls)
            if self._is_over or self._now % trainer.checkpoint_every == 0 or stopped:
                self._log_steps(0)
                with self._clock.paused():
                    self._save(CHECKPOINTS)
                    if stopped:
                        self._checkpoints.wait()
                        raise Stopped(stopped, self._now)

    def _call_length(self) -> int:
        """How many steps to make at once: as many as are asked for, if nothing is due before."""
        trainer = self._trainer
        periods = (trainer.evaluate_every, trainer.checkpoint_every)
        due = min(trainer.steps - self._now, *(period - self._now % period for period in periods))
        return trainer.steps_per_call if trainer.steps_per_call <= due else 1

    def _log_steps(self, behind: int) -> None:
        """Logs what became of the calls but for the last few, and looks whether the numbers are finite."""
        while len(self._waiting) > behind:
            before, metrics = self._waiting.popleft()
            since = self._clock.seconds
            values = np.asarray(metrics).tolist()  # waits
            took = (self._clock.read() - since) / len(values)
            for i, row in enumerate(values):
                step = before + i + 1
                named = dict(zip(self._steps.names, row, strict=True))
                self._logger.log(
                    {
                        "step": step,
                        "seconds": since + took * (i + 1),
                        **named,
                        "learning_rate": float(self._rates[step - 1]),
                    }
                )
                self._progress.update(step, named)
                self._judge(step, named)

    def _judge(self, step: int, metrics: dict[str, float]) -> None:
        """Looks whether the loss and the gradient of a step are finite."""
        wrong = next((name for name in ("loss", "gradient_norm") if not math.isfinite(metrics[name])), None)
        if wrong is None:
            self._not_finite = 0
            return
        self._not_finite += 1
        what = f"the {wrong.replace('_', ' ')} is {metrics[wrong]} at step {step}"
        if self._trainer.on_nonfinite == "skip" and self._not_finite <= MOST_IN_A_ROW:
            self._progress.say(f"{what}; the parameters stay as they were")
            return
        self._give_up(step, what)

    def _give_up(self, step: int, what: str) -> NoReturn:
        """Goes back, if that is wanted, or ends the run: the numbers are not finite after a step."""
        if self._trainer.on_nonfinite == "rewind" and self._rewinds < MOST_REWINDS:
            self._progress.say(what)
            self._now = step  # whatever is under way beyond it
            raise _RewindError
        self._checkpoints.wait()
        rate, batch = float(self._rates[step - 1]), step - 1 + self._passed_over
        raise UserError(describe(what, rate, self._setup.batches, batch, self._run.checkpoints()))

    def _rewind(self) -> None:
        """Goes back to the newest checkpoint, and on from there with the batches after those that failed."""
        self._rewinds += 1
        self._waiting.clear()
        self._checkpoints.wait()
        next_batch = self._now + self._passed_over
        there: Beginning | Restored = self._beginning
        if decided(lambda: bool(self._run.checkpoints())):
            there = restored_by_all(
                lambda paths: restore(paths, self._setup.shapes, mend=True), self._run.checkpoints()
            )
        self._now, self._leaves = there.step, self._steps.leaves(there.state or self._setup.initial)
        self._passed_over = next_batch - there.step
        rows = kept_by_all(self._run, there.step)
        self._logger.go_back()
        self._best = Best(self._setup.task, rows)
        self._history = [of for of in self._history if of.step <= there.step]
        self._progress.say(f"goes back to step {there.step}, and on with other batches")
        self._clock.start()

    def _validate(self) -> None:
        now, task, parameters = self._now, self._setup.task, self._state.parameters
        self._history[-1:] = [last.in_brief() for last in self._history[-1:]]  # memory stays flat
        self._history.append(self._evaluate(now, parameters, self._setup.data.validation))
        metrics = task.metrics(self._history[-1], self._history[-1])
        row = {
            "step": now,
            "seconds": self._clock.seconds,
            **{f"validation_{name}": value for name, value in metrics.items()},
        }
        if self._noise is not None:
            row["gradient_noise"] = self._noise(self._state)
        self._logger.log(row)
        self._progress.say(f"step {now}/{self._trainer.steps}  validation {described(metrics)}")
        if self._best.update(row):
            self._save(BEST)

    def _save(self, folder: str) -> None:
        if folder == CHECKPOINTS and self._last_saved == self._now:
            return
        if not all_finite(jax.tree.leaves(self._state.parameters)):
            self._give_up(self._now, f"parameters are not finite after step {self._now}")
        self._checkpoints.save(folder, self._now, self._state, {_PASSED_OVER: self._passed_over})
        if folder == CHECKPOINTS:
            self._last_saved, self._rewinds = self._now, 0

    @property
    def _state(self) -> TrainState:
        return self._steps.state(self._leaves)

    def _outcome(self) -> Outcome:
        """Evaluates a run that is over."""
        setup, task, parameters = self._setup, self._setup.task, self._state.parameters
        if self._now < self._trainer.steps:
            metric = task.metric.replace("_", " ")
            self._progress.say(
                f"stops early at step {self._now}: no better validation {metric} since step {self._best.step}"
            )
        test = self._evaluate(self._now, parameters, setup.data.test)
        if not self._history or self._history[-1].step < self._now:  # nothing was left to train
            self._history.append(self._evaluate(self._now, parameters, setup.data.validation))
        metrics = task.metrics(test, self._history[-1])
        self._progress.say(f"test {described(metrics)}")
        if wrong := [name for name, value in metrics.items() if math.isnan(value)]:
            raise UserError(
                f"test {wrong[0].replace('_', ' ')} is not a number after step {self._now}; "
                "lower optimizer.learning_rate, and start anew with trainer.overwrite=true"
            )
        return Outcome(self._now, self._state, self._steps, None, self._history, test, metrics)


@contextlib.contextmanager
def _checks(wanted: bool) -> Iterator[None]:
    """Has JAX look for NaNs in all results, and check itself."""
    with contextlib.ExitStack() as checks:
        if wanted:
            checks.enter_context(jax.debug_nans(True))
            checks.enter_context(jax.enable_checks(True))
        yield


def _introduce(config: DictConfig, run: RunDirectory, setup: Setup, environment: dict[str, Any]) -> None:
    """Says what the run is, before the minutes that it takes."""
    data, parameters = setup.data, count_parameters(setup.shapes.parameters)
    device = environment["device"]
    if setup.devices.count > 1:
        device = f"{setup.devices.count} devices ({device})"
    print(
        f"{config.model.name}: {parameters:,} parameters; {data.name}: {len(data.train):,} training, "
        f"{len(data.validation):,} validation, {len(data.test):,} test examples, "
        f"batches of {setup.trainer.batch_size}; {device}; writes to {run.path}",
        file=sys.stderr,
    )
