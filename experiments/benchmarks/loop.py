"""What a training loop adds to its steps."""

import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
from omegaconf import DictConfig

from experiments.benchmarks.measurements import Result
from experiments.benchmarks.timing import summarised
from experiments.run_directory import RunDirectory
from experiments.training.loggers import build_logger
from experiments.training.setup import Setup, build_setup
from experiments.training.train import Beginning, train

PER_CALL = (1, 10, 50)  # values of trainer.steps_per_call
_ROUNDS = 5


def time_loop(config: Callable[..., DictConfig], seconds: float) -> Result:
    """Times the steps of whole runs, as multiples of the compiled step's own time.

    In each round the step alone is called again and again with the same batch, and then a run of each kind
    makes as many. What a run's steps take is what its metrics say: all that the loop does from one step to
    the next, evaluations and checkpoints left out.

    Args:
        config: composes the main config, with the overrides that it is given.
        seconds: about how long the steps of all runs may take together.
    """

    def setup_of(per_call: int, steps: int) -> tuple[DictConfig, Setup]:
        ends = [f"trainer.{key}={steps}" for key in ("steps", "evaluate_every", "checkpoint_every")]
        made = config("trainer.measure_sort=false", f"trainer.steps_per_call={per_call}", *ends)
        return made, build_setup(made)

    main, setup = setup_of(1, 100)
    own = _seconds_a_step(setup, 20)
    steps = max(2 * max(PER_CALL), round(seconds / (own * _ROUNDS * (len(PER_CALL) + 1)) / 50) * 50)
    runs = {per_call: setup_of(per_call, steps) for per_call in PER_CALL}
    ratios: dict[str, list[float]] = {f"steps_per_call={per_call}": [] for per_call in PER_CALL}
    for _ in range(_ROUNDS):
        own = _seconds_a_step(setup, steps)
        for per_call, (made, of) in runs.items():
            ratios[f"steps_per_call={per_call}"].append(_seconds_in_a_run(made, of) / own)
    case = f"model={main.model.name}, steps of {own * 1e3:.1f} ms"
    measurements = {name: summarised(values) for name, values in ratios.items()}
    return Result("loop", case, 0, "time of a run", "× its steps'", measurements)


def _seconds_a_step(setup: Setup, steps: int) -> float:
    """What the compiled step takes by itself: the median over calls, each of which is waited for."""
    program, batch = setup.steps(), setup.batches[0]
    program.compile(batch, [1])
    leaves, times = program.leaves(setup.initial), []
    for _ in range(steps):
        start = time.perf_counter()
        leaves, _ = jax.block_until_ready(program(leaves, [batch]))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _seconds_in_a_run(config: DictConfig, setup: Setup) -> float:
    """What the steps of a run take, in the mean, without the first call."""
    with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stderr(io.StringIO()):
        run = RunDirectory(Path(directory))
        with build_logger(config, run.path) as logger:
            train(config, run, setup, Beginning(0, None, [], {}), logger)
        taken = [row["seconds"] for row in run.metrics() if "loss" in row][setup.trainer.steps_per_call - 1 :]
    return (taken[-1] - taken[0]) / (len(taken) - 1)
