"""A run that has been trained, for whoever wants to use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flax import nnx
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.data import Dataset
from experiments.errors import UserError
from experiments.run_directory import locate
from experiments.tasks import Evaluation, Task
from experiments.training.annealing import at_step
from experiments.training.checkpoints import restore
from experiments.training.devices import first_device
from experiments.training.evaluation import evaluator
from experiments.training.setup import Setup, build_setup

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run at one of its checkpoints.

    Attributes:
        model: a Flax NNX module with the parameters, its relaxed sorts those of the step; call it as the
            task does.
        parameters: what the model has learned.
        config: the config of the run.
        setup: what it was made of.
        step: how many steps of training the parameters have seen.
        summary: what came of the run; None if it is not finished.
        directory: of the run.
    """

    model: nnx.Module
    parameters: nnx.State
    config: DictConfig
    setup: Setup
    step: int
    summary: dict[str, Any] | None
    directory: Path

    @property
    def data(self) -> Dataset:
        """Its data."""
        return self.setup.data

    @property
    def task(self) -> Task:
        """Its task."""
        return self.setup.task

    def evaluate(self, split: Split = "test") -> tuple[dict[str, float], Evaluation]:
        """Returns the task's metrics of a split, and the predictions that they are made of.

        With the data of the run and its last checkpoint, those of the test split are the `test_...` of the
        summary, bit for bit.
        """
        evaluate = evaluator(self.setup)
        validation = evaluate(self.step, self.parameters, self.data.validation)
        of = validation if split == "validation" else None
        of = of or evaluate(self.step, self.parameters, getattr(self.data, split))
        return self.task.metrics(of, validation), of


def load_run(path: str | Path, changes: Sequence[str] = ()) -> TrainedRun:
    """Loads a run: see `experiments.load_run`.

    Args:
        path: the directory of a run, its `checkpoints` or `best`, or a checkpoint in one of them.
        changes: settings to replace, as in `data.max_points=30`.

    Raises:
        UserError: there is no run, no checkpoint that can be read, or no such setting.
    """
    run, checkpoints = locate(Path(path))
    if not checkpoints:
        raise UserError(f"{path}: no checkpoint yet")
    config = run.config()
    for change in changes:
        _set(config, change)
    try:
        setup = build_setup(config, first_device())
    except TypeError as error:
        if changes:  # one has a value of another kind
            raise UserError(f"{' '.join(changes)}: {error}") from error
        raise
    step, saved, _ = restore(checkpoints, setup.shapes)
    state = setup.devices.copy(saved or setup.initial)
    return TrainedRun(
        model=at_step(nnx.merge(setup.graph, state.parameters), step),
        parameters=state.parameters,
        config=config,
        setup=setup,
        step=step,
        summary=run.summary(),
        directory=run.path,
    )


def _set(config: DictConfig, change: str) -> None:
    key, given, _ = change.partition("=")
    if not given or key.partition(".")[0] not in ("data", "sort"):
        raise UserError(f"{change}: write data.KEY=VALUE; the rest is what the run was trained with")
    OmegaConf.set_struct(config, True)
    try:
        config.merge_with_dotlist([change])
    except OmegaConfBaseException as error:
        keys = ", ".join(f"data.{name}" for name in config.data if not str(name).startswith("_"))
        raise UserError(f"{change}: no such setting (choices: {keys})") from error
