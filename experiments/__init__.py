"""What the studies need and no library user does: data, models, training, analysis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.training.loading import TrainedRun

__all__ = ["load_run"]


def load_run(path: str | Path) -> TrainedRun:
    """Loads what a run has learned, with its config, data and task.

    Args:
        path: the directory of a run, for its newest checkpoint; `RUN/best`, for the best by the validation
            metric; or one checkpoint, as in `RUN/checkpoints/500`.

    Returns:
        The run; its `model` is a Flax NNX module with the parameters, and its `evaluate("test")` what
        `scripts/evaluate.py` prints and writes.

    Raises:
        experiments.errors.UserError: there is no run, or no checkpoint that can be read.
    """
    from experiments.training.loading import load_run as load  # only now: it loads JAX

    return load(path)
