"""Checkpoints, with Orbax: the one file that knows its interface."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import jax
from etils import epath
from orbax.checkpoint import v1 as ocp

from experiments.errors import UserError
from experiments.run_directory import CHECKPOINTS
from experiments.training.steps import TrainState


class Checkpoints:
    """The checkpoints of a run, the latest few of them.

    Args:
        directory: the run's output directory.
        keep: how many to keep.
    """

    def __init__(self, directory: Path, keep: int) -> None:
        self._checkpointer = ocp.training.Checkpointer(
            epath.Path(directory.absolute() / CHECKPOINTS),
            preservation_policy=ocp.training.preservation_policies.LatestN(keep),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._checkpointer.close()

    def save(self, step: int, state: TrainState) -> None:
        """Saves the state after `step` steps; a step saved already stays."""
        latest = self._checkpointer.latest
        if latest is None or latest.step != step:
            self._checkpointer.save(step, _leaves(state))


def restore(path: Path, like: TrainState) -> tuple[int, TrainState]:
    """Returns the step and the state of the latest checkpoint at `path`.

    Args:
        path: a run's output directory, its `checkpoints` folder, or one checkpoint in it.
        like: a state of the same model and optimizer.

    Raises:
        UserError: there is no checkpoint, or it is of another model or optimizer.
    """
    folder, step = _locate(path)
    with ocp.training.Checkpointer(epath.Path(folder)) as checkpointer:
        found = checkpointer.latest if step is None else step
        if found is None:
            raise UserError(f"trainer.resume={path}: no checkpoint in {folder}.")
        at = found if isinstance(found, int) else found.step
        wanted, there = _leaves(like), checkpointer.metadata(at).metadata
        if _shapes(wanted) != _shapes(there):
            raise UserError(
                f"trainer.resume={path}: its checkpoint is of another model or optimizer; "
                f"choose those of the run, which {folder.parent / '.hydra' / 'config.yaml'} names."
            )
        leaves = checkpointer.load(at, wanted)
    return at, jax.tree.unflatten(jax.tree.structure(like), [leaves[key] for key in wanted])


def run_directory(path: Path) -> Path:
    """Returns the output directory of the run that `path` (as in `restore`) belongs to."""
    return _locate(path)[0].parent


def _locate(path: Path) -> tuple[Path, int | None]:
    path = path.absolute()
    if not path.is_dir():
        raise UserError(f"trainer.resume={path}: no such directory; give a run's output directory.")
    if (path / CHECKPOINTS).is_dir():
        return path / CHECKPOINTS, None
    if path.name == CHECKPOINTS:
        return path, None
    if path.parent.name == CHECKPOINTS and path.name.isdigit():
        return path.parent, int(path.name)
    raise UserError(f"trainer.resume={path}: no checkpoints there; give a run's output directory.")


def _shapes(leaves: Mapping[str, Any]) -> dict[str, tuple[tuple[int, ...], Any]]:
    return {key: (tuple(leaf.shape), leaf.dtype) for key, leaf in leaves.items()}


def _leaves(state: TrainState) -> dict[str, jax.Array]:
    """The state by path: names that outlive the classes it is made of."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
