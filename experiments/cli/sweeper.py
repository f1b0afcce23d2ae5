"""``hydra/sweeper=grid``: a job for every combination of the values listed.

An experiment lists its own in ``hydra.sweeper.params``. What the command line names, it names
instead: with ``params: {model: "a,b", seed: "0,1,2"}``, ``++seed=0`` leaves two jobs.

Jobs know of the sweep that they belong to (:func:`experiments.cli.environment.current_sweep`), and
one that fails leaves the others running, whatever process it is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from experiments.cli.composition import not_named
from experiments.cli.environment import SWEEP, Sweep, environment
from experiments.cli.failures import Failure
from experiments.cli.guard import Guard


class GridSweeper(BasicSweeper):
    """Hydra's own sweeper, with the command line before the config.

    Args:
        max_batch_size: how many jobs a launcher is given at once; None for all.
        params: values of a key or group, separated by commas.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Takes what Hydra has prepared."""
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self._parser = OverridesParser.create(config_loader=hydra_context.config_loader)
        self._failures: list[Failure] = cast(Guard, task_function).failures
        self._directory = Path(config.hydra.sweep.dir).absolute()

    def sweep(self, arguments: list[str]) -> Any:
        """Runs the jobs that the command line, and what it leaves of the params, ask for."""
        self.params = not_named(self.params, self._parser.parse_overrides(arguments))
        with environment(SWEEP, None):
            batches = super().sweep(arguments)
        values = (job.return_value for batch in batches for job in batch)
        self._failures += [value for value in values if isinstance(value, Failure)]
        return batches

    def get_job_batch(self) -> Sequence[Sequence[str]]:
        """Returns the jobs to launch next, and tells them of the sweep."""
        jobs = [job for batch in self.overrides or () for job in batch]
        Sweep(self._directory, len(jobs), _varying(jobs)).announce()
        return super().get_job_batch()


def _varying(jobs: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The keys that have several values; those of a job are the same, in the same order."""
    values: dict[str, set[str]] = {}
    for line in (line for job in jobs for line in job):
        values.setdefault(line.partition("=")[0].lstrip("+~"), set()).add(line)
    return tuple(key for key, lines in values.items() if len(lines) > 1)
