"""What a run leaves behind when it ends: summary.json, curves.png, and a picture where there is one."""

import datetime
import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
from omegaconf import DictConfig

from experiments.plots import save_curves, save_figure
from experiments.run_directory import CURVES_FILE, PICTURE_FILE, RunDirectory, run_key
from experiments.sort_schema import sort_name
from experiments.tasks import Evaluation
from experiments.training.best import Best
from experiments.training.setup import Setup, count_parameters
from experiments.training.steps import Steps, TrainState

_WARM_UP_STEPS = 10


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        steps: how many were made, in this attempt and earlier ones.
        state: the last state.
        program: the training step.
        sort_fraction: how much of its time is sorting; None if that was not to be measured.
        history: the validation split at each evaluation, in brief but for the last.
        test: the test split at the end.
        metrics: of the test split.
    """

    steps: int
    state: TrainState
    program: Steps
    sort_fraction: float | None
    history: list[Evaluation]
    test: Evaluation
    metrics: dict[str, float]


def write_results(
    run: RunDirectory, config: DictConfig, setup: Setup, outcome: Outcome, environment: dict[str, Any]
) -> dict[str, Any]:
    """Writes curves, picture and, last, the summary of a finished run; returns the summary.

    Args:
        run: where to, with its metrics.
        config: the composed config.
        setup: what the run was made of.
        outcome: what came of it.
        environment: what it ran on.
    """
    task, state, rows = setup.task, outcome.state, run.metrics()
    best, elapsed = (
        Best(task, rows),
        [0.0, *(row["seconds"] for row in rows if {"loss", "seconds"} <= row.keys())],
    )
    durations = [now - before for before, now in pairwise(elapsed)]
    steady = durations[_WARM_UP_STEPS:] or durations
    summary = {
        "task": config.task.name,
        "model": config.model.name,
        "sort": sort_name(config),
        "data": setup.data.name,
        "seed": config.seed,
        "run_key": run_key(config),
        "metric": task.metric,
        "metric_is_better": task.better,
        **{f"test_{name}": value for name, value in outcome.metrics.items()},
        f"best_validation_{task.metric}": best.value,
        "best_step": best.step,
        **{f"gradient_noise_{row['step']}": row["gradient_noise"] for row in rows if "gradient_noise" in row},
        "step_time_ms": statistics.median(steady) * 1e3 if steady else None,
        "compile_time_s": outcome.program.compile_time,
        "step_memory_mb": _memory_mb(outcome.program.compiled()),
        "sort_fraction": outcome.sort_fraction,
        "steps": outcome.steps,
        "stopped_at": outcome.steps if outcome.steps < setup.trainer.steps else None,
        "duration_s": elapsed[-1],
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "parameters": count_parameters(state.parameters),
        **environment,
    }
    title = f"{config.model.name} on {setup.data.name}, sort={sort_name(config)}, seed {config.seed}"
    title += f": test {task.metric} {outcome.metrics[task.metric]:.3f}".replace("_", " ")
    save_curves(rows, run.path / CURVES_FILE, title, task.metric)
    if (figure := task.picture(outcome.history, outcome.test)) is not None:
        save_figure(figure, run.path / PICTURE_FILE)
    run.write_summary(summary)
    return summary


def _memory_mb(program: jax.stages.Compiled | None) -> float | None:
    """The megabytes that a step needs at once, by the compiler's account; None without one."""
    used: Any = program and program.memory_analysis()
    if used is None:
        return None
    needed = used.argument_size_in_bytes + used.output_size_in_bytes + used.temp_size_in_bytes
    return float(needed - used.alias_size_in_bytes) / 1e6
