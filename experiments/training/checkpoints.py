"""Checkpoints, with Orbax: the one file that knows its interface."""

import gc
import logging
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import jax
from etils import epath
from orbax.checkpoint import v1 as ocp

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.steps import TrainState


def save(run: RunDirectory, folder: str, step: int, state: TrainState, keep: int) -> None:
    """Saves the state after a step: whole, or not at all.

    Args:
        run: where to.
        folder: `checkpoints` or `best`.
        step: what it is saved as. Checkpoints beyond it are of an attempt that was given up, and go.
        state: parameters and optimizer state.
        keep: how many to keep in the folder, this one included.
    """
    directory = run.path.absolute() / folder
    with _interrupts_put_off():
        ocp.save(epath.Path(directory / str(step)), _leaves(state), overwrite=True)
    steps = sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal())
    kept = [str(saved) for saved in steps if saved <= step][-keep:]
    for path in directory.iterdir():  # what an interrupted save has left is among them
        if path.name not in kept:
            shutil.rmtree(path)


def restore(paths: Sequence[Path], like: TrainState) -> tuple[int, TrainState]:
    """Returns the step and the state of the first of some checkpoints that can be read.

    Those that cannot are named on stderr.

    Args:
        paths: checkpoints of one folder, one or more.
        like: a state of the same model and optimizer.

    Raises:
        UserError: none can be read; the message names others to try.
    """
    for path in paths:
        with _quiet():
            try:
                return int(path.name), _read(path, like)
            except _OtherArraysError:
                reason = "it is of another model or optimizer"
            except Exception as error:  # whatever damage makes Orbax, and what it builds on, raise
                reason = f"it is damaged ({type(error).__name__})"
        print(f"{path}: cannot be used: {reason}", file=sys.stderr)
    folder, tried = paths[0].parent, {path.name for path in paths}
    others = sorted((path.name for path in folder.iterdir() if path.name.isdecimal()), key=int)
    left = [name for name in others if name not in tried]
    fix = f"try trainer.resume={folder / left[-1]}" if left else "trainer.overwrite=true starts over"
    raise UserError(f"{folder}: no checkpoint that can be used; {fix}")


class _OtherArraysError(Exception):
    """A checkpoint holds what it should not."""


@contextmanager
def _interrupts_put_off() -> Iterator[None]:
    """Lets a save come to its end before Ctrl-C takes effect: cut short, Orbax's threads print tracebacks."""
    handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not handled or threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupts:
        raise KeyboardInterrupt


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides what Orbax logs where it meets damage, and what the coroutines that it abandons raise."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        gc.collect()  # the coroutines, now
        logging.disable(level)
        sys.unraisablehook = hook


def _read(path: Path, like: TrainState) -> TrainState:
    at, wanted = epath.Path(path.absolute()), _leaves(like)
    there = ocp.metadata(at).metadata
    if _shapes(there) != _shapes(wanted):
        raise _OtherArraysError
    leaves = ocp.load(at, wanted)
    return jax.tree.unflatten(jax.tree.structure(like), [leaves[key] for key in wanted])


def _shapes(leaves: dict[str, jax.Array]) -> dict[str, object]:
    return {key: (tuple(leaf.shape), leaf.dtype) for key, leaf in leaves.items()}


def _leaves(state: TrainState) -> dict[str, jax.Array]:
    """The state by path: names that outlive the classes it is made of."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
