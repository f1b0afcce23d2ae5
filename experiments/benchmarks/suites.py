"""The suites of the benchmark, by name."""

from collections.abc import Callable, Iterator

from omegaconf import DictConfig

from experiments.benchmarks import device_times
from experiments.benchmarks.compilation import run_compilation
from experiments.benchmarks.memory import run_memory
from experiments.benchmarks.results import Result
from experiments.benchmarks.sort_times import SHAPES, run_sorts
from experiments.benchmarks.step_times import run_steps

SUITES: dict[str, str] = {
    **dict.fromkeys(SHAPES, "a sort of float32, forward and backward"),
    **device_times.SUITES,
    "memory": "what the gradient of a sort costs in memory",
    "compile": "forward and backward of a sort, from Python to a program",
    "step": "a training step",
}


def run_suite(suite: str, seconds: float, config: Callable[[], DictConfig]) -> Iterator[Result]:
    """Yields the results of a suite as they come.

    Args:
        suite: a key of SUITES.
        seconds: about how long to take for a case.
        config: composes the main config, with model=sortpool; called for training steps only.
    """
    if suite in SHAPES:
        return run_sorts(suite, seconds)
    if suite in device_times.SUITES:
        return device_times.run_devices(suite, seconds)
    if suite == "step":
        return run_steps(config(), seconds)
    return {"memory": run_memory, "compile": run_compilation}[suite](seconds)
