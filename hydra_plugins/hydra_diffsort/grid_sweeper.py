"""`hydra/sweeper=grid`: a job for every combination of the values listed.

An experiment lists its own in `hydra.sweeper.params`. What the command line names, it names instead: with
`params: {model: "a,b", seed: "0,1,2"}`, `++seed=0` leaves two jobs.

A job that fails leaves the others running, whatever process it is in. A directory has one sweep at a time.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from experiments.cli.jobs import Failure
from experiments.files import owned, write_text
from experiments.sweeps.grid import every_job, grid
from experiments.sweeps.ledger import Ledger
from experiments.training.signals import Stopped


class GridSweeper(Sweeper):
    """Launches the jobs of a grid, and collects their failures.

    Args:
        max_batch_size: how many jobs a launcher is given at once; None for all.
        params: values of a key or group, separated by commas.
        collects_failures: tells jobs that they may return theirs.
    """

    def __init__(
        self, max_batch_size: int | None, params: dict[str, str] | None, collects_failures: bool = True
    ) -> None:
        super().__init__()
        del collects_failures
        self._batch_size, self._params = max_batch_size, params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Takes what Hydra has prepared."""
        self.hydra_context, self.config, self._task = hydra_context, config, task_function
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Runs the jobs that the command line, and what it leaves of the params, ask for."""
        assert self.config is not None  # noqa: S101 (set up before)
        assert self.hydra_context is not None  # noqa: S101
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        axes = grid(self._params, parser.parse_overrides(arguments), parser)
        jobs = every_job(axes)
        directory = Path(self.config.hydra.sweep.dir)
        directory.mkdir(parents=True, exist_ok=True)
        with owned(directory, "hydra.sweep.dir=ANOTHER_DIRECTORY"):
            write_text(directory / "multirun.yaml", OmegaConf.to_yaml(self.config))
            varying = [axis[0].get_key_element().lstrip("+~") for axis in axes if len(axis) > 1]
            Ledger(directory).begin(len(jobs), varying)
            try:
                batches = self._launch(jobs)
            except Stopped as stopped:
                again = f"the same command with hydra.sweep.dir={directory} goes on"
                print(f"{stopped}; {again}", file=sys.stderr)
                stopped.told = True
                raise
        values = [job.return_value for batch in batches for job in batch]
        if failures := [value for value in values if isinstance(value, Failure)]:
            self._task.failures, self._task.jobs = failures, len(jobs)  # type: ignore[attr-defined]
        return batches

    def _launch(self, jobs: Sequence[Sequence[str]]) -> list[Sequence[JobReturn]]:
        assert self.launcher is not None  # noqa: S101 (set up before)
        size = self._batch_size or len(jobs)
        return [
            self.launcher.launch(jobs[first : first + size], initial_job_idx=first)
            for first in range(0, len(jobs), size)
        ]
