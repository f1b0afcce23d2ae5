"""Checkpoints, with Orbax: the one file that knows its interface.

A checkpoint holds the leaves of the state by path, small integers that belong to it, and a digest of each. It
appears whole or not at all; what has changed in it since is found when it is read.
"""

import errno
import gc
import hashlib
import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from etils import epath
from orbax.checkpoint import v1 as ocp

from experiments.errors import UserError
from experiments.run_directory import BEST, RunDirectory, is_set_aside, set_aside
from experiments.training.steps import TrainState
from experiments.training.writing import unwritable

_DIGESTS, _EXTRA = "digests", "extra."  # the leaf with the digests; how the names of integers begin
_TOLD = logging.getLogger("absl"), logging.getLogger("asyncio")  # where Orbax tells of a failure, in pages
_NOTHING: Mapping[str, int] = MappingProxyType({})


class Restored(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        step: what it was saved as.
        state: parameters and optimizer state, as NumPy's arrays; None stands for that of the beginning.
        extra: the integers that were saved with it.
    """

    step: int
    state: TrainState | None
    extra: dict[str, int]


class Checkpoints:
    """Saves states of a run while it goes on: a context manager, which ends when what was saved is on disk.

    In a job of several processes all of them make the same calls.

    Args:
        run: where to; its directory exists.
        keep: how many to keep in `checkpoints`; `best` keeps one.
    """

    def __init__(self, run: RunDirectory, keep: int) -> None:
        self._run, self._keep = run, keep
        self._there = run.path.stat()
        self._pending: dict[str, tuple[int, ocp.AsyncResponse[None]]] = {}  # by folder

    def __enter__(self) -> Self:
        self._levels = [logger.level for logger in _TOLD]
        for logger in _TOLD:
            logger.setLevel(logging.CRITICAL)
        for worse in self._run.checkpoints(BEST)[1:] if jax.process_index() == 0 else ():
            shutil.rmtree(worse)  # which a kill has left: there is but one best
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.wait()
        except UserError:  # and Orbax's threads have more to tell
            if kind is None:  # nothing else has gone wrong first
                raise
            return
        if kind is None or not issubclass(kind, UserError):
            for logger, level in zip(_TOLD, self._levels, strict=True):
                logger.setLevel(level)

    def save(self, folder: str, step: int, state: TrainState, extra: Mapping[str, int] = _NOTHING) -> None:
        """Begins to save the state after a step, and returns as soon as that may change.

        Args:
            folder: `checkpoints` or `best`.
            step: what it is saved as. Checkpoints beyond it are of an attempt that was given up, and go.
            state: parameters and optimizer state, each leaf on every device.
            extra: small integers that belong to it.

        Raises:
            UserError: this or an earlier one cannot be written; the message names the last good one.
        """
        self._end(folder)
        leaves = {key: np.array(leaf) for key, leaf in _leaves(state).items()}  # copies: buffers are donated
        leaves |= {_EXTRA + name: np.array(value) for name, value in extra.items()}
        leaves[_DIGESTS] = np.frombuffer(json.dumps(_digests(leaves)).encode(), np.uint8)
        with self._written(folder, step):
            to = _LiteralPath((self._run.path / folder / str(step)).absolute())
            with _context():
                self._pending[folder] = step, ocp.save_async(to, leaves, overwrite=True)

    def wait(self) -> None:
        """Waits until what was saved is on disk.

        Raises:
            UserError: it cannot be written; the message names the last good checkpoint.
        """
        for folder in [*self._pending]:
            self._end(folder)

    def _end(self, folder: str) -> None:
        if folder not in self._pending:
            return
        step, response = self._pending.pop(folder)
        with self._written(folder, step):
            response.result()
        if jax.process_index() == 0:
            keep_newest(self._run.path / folder, 1 if folder == BEST else self._keep, step)

    @contextmanager
    def _written(self, folder: str, step: int) -> Iterator[None]:
        """Tells in one line why a checkpoint cannot be written, and removes what there is of it."""
        try:
            with _quiet():
                self._check_there()
                yield
                self._check_there()
        except Exception as error:  # whatever makes Orbax, and what it builds on, fail
            # The run is about to end, and the threads that Orbax leaves behind have nothing to add.
            sys.unraisablehook = lambda _: None
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            for path in (self._run.path / folder).glob(f"{step}.*tmp*"):
                shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):  # Orbax makes anew what has been removed
                self._run.path.joinpath(folder).rmdir()
                self._run.path.rmdir()
            raise unwritable(self._run, f"{folder}/{step}", error) from error

    def _check_there(self) -> None:
        if not os.path.samestat(self._run.path.stat(), self._there):
            raise FileNotFoundError(errno.ENOENT, "another directory is in its place")


def keep_newest(folder: Path, keep: int, step: int) -> None:
    """Removes from a folder of checkpoints what is older than the newest few, or was given up.

    Args:
        folder: what was set aside in it stays.
        keep: how many stay.
        step: of the newest; those beyond it are of an attempt that was given up.
    """
    steps = sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
    kept = [str(saved) for saved in steps if saved <= step][-keep:]
    for path in folder.iterdir():  # what an interrupted save has left is among them
        if path.name not in kept and not is_set_aside(path):
            shutil.rmtree(path)


def restore(paths: Sequence[Path], like: TrainState, *, mend: bool = False) -> Restored:
    """Returns what is in the first of some checkpoints that can be used.

    Those before it are named on stderr.

    Args:
        paths: checkpoints of one folder, one or more.
        like: a state of the same model and optimizer; its shapes will do.
        mend: whether those that cannot be used are set aside, so that the next ones saved do not replace
            them. It is for the owner of the directory to ask for.

    Raises:
        UserError: none can be used; the message names others to try.
    """
    refused: dict[Path, str] = {}
    for path in paths:
        try:
            with _quiet(), _context(alone=True):
                found = _read(path, like)
        except _UnusableError as error:
            refused[path] = str(error)
        except Exception as error:  # whatever damage makes Orbax, and what it builds on, raise
            refused[path] = f"it is damaged ({type(error).__name__})"
        else:
            for other, reason in refused.items():
                aside = f"; set aside as {set_aside(other).name}" if mend and jax.process_index() == 0 else ""
                print(f"{other}: cannot be used: {reason}{aside}", file=sys.stderr)
            return found
    for path, reason in refused.items():
        print(f"{path}: cannot be used: {reason}", file=sys.stderr)
    folder, tried = paths[0].parent, {path.name for path in paths}
    others = sorted((path.name for path in folder.iterdir() if path.name.isdecimal()), key=int)
    left = [name for name in others if name not in tried]
    fix = f"try trainer.resume={folder / left[-1]}" if left else "trainer.overwrite=true starts over"
    raise UserError(f"{folder}: no checkpoint that can be used; {fix}")


class _UnusableError(Exception):
    """A checkpoint does not hold what it should; the message says why."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides what Orbax logs where it meets damage, and what the coroutines that it abandons raise."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    except BaseException:
        gc.collect()  # the coroutines, now
        raise
    finally:
        logging.disable(level)
        sys.unraisablehook = hook


class _LiteralPath(type(epath.Path())):  # type: ignore[misc]
    """A path that is no pattern: in `model.widths=[4]` Orbax does not find what it has just written."""

    def glob(self, pattern: str) -> Iterator[Any]:
        """Yields what is below this path and fits a pattern."""
        return (self / path.relative_to(self) for path in Path(self).glob(pattern))


def _context(*, alone: bool = False) -> ocp.Context:
    """How Orbax is to work: with the other processes, if there are any, or without waiting for them."""
    context = ocp.Context()
    context.file.path_class = _LiteralPath
    # At once: where it fails later, Orbax's threads wait for minutes.
    context.asynchronous.create_directories_asynchronously = False
    if alone and jax.process_count() > 1:
        me = jax.process_index()
        context.multiprocessing.primary_host = me
        context.multiprocessing.active_processes = {me}
        context.multiprocessing.barrier_sync_key_prefix = f"process{me}"
    return context


def _read(path: Path, like: TrainState) -> Restored:
    at, wanted = _LiteralPath(path.absolute()), _leaves(like)
    there: Mapping[str, Any] | None = ocp.metadata(at).metadata
    if there is None:
        raise _UnusableError("it is damaged (Orbax cannot read what is in it)")
    if _shapes({key: leaf for key, leaf in there.items() if key in wanted or not _is_ours(key)}) != _shapes(
        wanted
    ):
        raise _UnusableError("it is of another model or optimizer")
    found = ocp.load(at, {key: np.empty(leaf.shape, leaf.dtype) for key, leaf in there.items()})
    digests = found.pop(_DIGESTS, None)  # None: of before there were digests
    if digests is not None and json.loads(digests.tobytes()) != _digests(found):
        raise _UnusableError("it is damaged (it holds other numbers than were saved)")
    leaves = [found[key] for key in wanted]
    extra = {key.removeprefix(_EXTRA): int(found[key]) for key in found.keys() - wanted.keys()}
    return Restored(int(path.name), jax.tree.unflatten(jax.tree.structure(like), leaves), extra)


def _is_ours(key: str) -> bool:
    return key == _DIGESTS or key.startswith(_EXTRA)


def _digests(leaves: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Returns what tells a leaf, with its type and shape, from any other."""
    return {
        key: hashlib.blake2b(
            f"{leaf.dtype}{leaf.shape}".encode() + leaf.tobytes(), digest_size=16
        ).hexdigest()
        for key, leaf in leaves.items()
    }


def _shapes(leaves: Mapping[str, Any]) -> dict[str, object]:
    return {key: (tuple(leaf.shape), leaf.dtype) for key, leaf in leaves.items()}


def _leaves(state: TrainState) -> dict[str, jax.Array]:
    """The state by path: names that outlive the classes it is made of."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
