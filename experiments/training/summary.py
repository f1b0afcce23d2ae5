"""What a run leaves behind when it ends: summary.json and curves.png."""

import statistics
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.analysis.curves import save_curves
from experiments.data import training_batches
from experiments.sweeps.run_key import run_key
from experiments.sweeps.summaries import write_summary
from experiments.training.environment import describe_environment
from experiments.training.loggers import read_metrics
from experiments.training.setup import Setup, build_model, count_parameters
from experiments.training.sort_share import UNSORTED, sort_fraction
from experiments.training.steps import TrainState, make_train_step

CURVES_FILE = "curves.png"
_WARM_UP_STEPS = 10


def write_results(
    output: Path,
    config: DictConfig,
    setup: Setup,
    state: TrainState,
    test: dict[str, float],
    seconds: list[float],
    compile_seconds: float,
) -> dict[str, Any]:
    """Writes the summary and the curves of a finished run.

    Args:
        output: the run's output directory, with its metrics.
        config: the composed config.
        setup: what the run was made of.
        state: the last state.
        test: loss and accuracy on the test set.
        seconds: duration of each training step.
        compile_seconds: what tracing and compiling the step took.

    Returns:
        The summary.
    """
    steady = seconds[_WARM_UP_STEPS:] or seconds
    summary = {
        "model": config.model.name,
        "sort": config.sort.implementation,
        "data": setup.data.name,
        "seed": config.seed,
        "run_key": run_key(config),
        "test_accuracy": test["accuracy"],
        "test_loss": test["loss"],
        "step_time_ms": statistics.median(steady) * 1e3 if steady else None,
        "compile_time_s": compile_seconds,
        "sort_fraction": _measure_sort_fraction(config, setup, state)
        if config.trainer.measure_sort
        else None,
        "steps": config.trainer.steps,
        "parameters": count_parameters(state.parameters),
        **describe_environment(),
    }
    write_summary(output, summary)
    title = f"{config.model.name} on {setup.data.name}, sort={config.sort.implementation}, seed {config.seed}"
    title += f": test accuracy {test['accuracy']:.3f}"
    save_curves(read_metrics(output), output / CURVES_FILE, title)
    return summary


def _measure_sort_fraction(config: DictConfig, setup: Setup, state: TrainState) -> float:
    unsorted_config = config.copy()
    unsorted_config.sort.implementation = UNSORTED
    unsorted_graph, _ = build_model(unsorted_config, setup.data)
    batch = training_batches(setup.data.train, config.trainer.batch_size, config.seed)[0]
    step, unsorted_step = (
        make_train_step(graph, setup.loss, setup.optimizer) for graph in (setup.graph, unsorted_graph)
    )
    return sort_fraction(step, unsorted_step, state, batch)
