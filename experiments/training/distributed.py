"""Several processes that train one model together, on JAX's own runtime.

All run the same program with the same command line. Each has its devices and reads its own rows of every
batch. Process 0 decides whatever depends on what is on disk, and is the only one that writes, but for
checkpoints, which Orbax writes with all of them. The others keep quiet.

A process by itself does nothing of this, and this module loads JAX only where there are several.
"""

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from signal import SIGTERM
from typing import Any, Protocol, TypeVar

from omegaconf import DictConfig

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.cluster import first_line, initialization, initialize, leave
from experiments.training.signals import StopSignals

_MEETING = 10  # seconds that a process which ends waits for the others to do the same
_LONGEST = 24 * 3600 * 1000  # milliseconds that anything takes which process 0 does alone

_process = (0, 1)
_questions = itertools.count()


class _AtStep(Protocol):
    @property
    def step(self) -> int: ...


T = TypeVar("T")
R = TypeVar("R", bound=_AtStep)
Rows = list[dict[str, float]]


def process() -> tuple[int, int]:
    """Returns which process this is, from 0, and how many there are."""
    return _process


def is_first() -> bool:
    """Returns whether this is process 0, which writes; one by itself is."""
    return _process[0] == 0


@contextlib.contextmanager
def together(config: DictConfig, *, swept: bool = False) -> Iterator[None]:
    """Runs a block in step with the other processes of the job, if there are any.

    Args:
        config: the composed config, whose `distributed` and `cluster` say whether there are.
        swept: whether the block is a run of a sweep.

    Raises:
        UserError: there are none where there must be, or one does not answer.
    """
    global _process
    if _process[1] == 1 and (arguments := initialization(config)) is not None:
        if swept and "SUBMITIT_EXECUTOR" not in os.environ:  # which hydra/launcher=slurm sets for its jobs
            raise UserError(
                "-m: each of several processes sweeps by itself; start the sweep once, with "
                "hydra/launcher=slurm hydra.launcher.tasks_per_node=N"
            )
        _process = initialize(arguments, config.cluster.initialization_timeout)
    if _process[1] == 1:
        yield
        return
    with contextlib.ExitStack() as quiet:
        if not is_first():
            nowhere = quiet.enter_context(open(os.devnull, "w", encoding="utf-8"))
            quiet.enter_context(contextlib.redirect_stdout(nowhere))
            quiet.enter_context(contextlib.redirect_stderr(nowhere))
        try:
            yield
        except BaseException as error:
            _meet(error)
            if _is_loss(error):
                raise UserError(
                    f"process {_process[0]}: another process has ended, or cannot be reached "
                    f"({first_line(error)}); the same command goes on from the last checkpoint"
                ) from error
            raise


def decided(decide: Callable[[], T]) -> T:
    """Returns what a function returns in process 0, which alone calls it.

    All processes call this in the same order.

    Args:
        decide: returns what JSON holds.

    Raises:
        UserError: it raises one. The others raise one that says nothing, as once is enough.
    """
    index, count = _process
    if count == 1:
        return decide()
    key = f"experiments/{next(_questions)}"
    if index > 0:
        told = json.loads(_client().blocking_key_value_get_bytes(key, _LONGEST))
        if not told:
            raise UserError("")
        answer: T = told[0]
        return answer
    told = []
    try:
        told = [decide()]
    finally:
        _client().key_value_set_bytes(key, json.dumps(told).encode())
    return told[0]


def kept_by_all(run: RunDirectory, until: int, of: RunDirectory | None = None) -> Rows:
    """Has process 0 do `run.keep`, and returns its rows; in the others, those of the evaluations."""
    rows: Rows = []

    def keep() -> Rows:
        rows.extend(run.keep(until, of))
        return [row for row in rows if "loss" not in row]

    evaluations = decided(keep)
    return rows if is_first() else evaluations


@contextlib.contextmanager
def owned_by_first(run: RunDirectory) -> Iterator[None]:
    """Has process 0 own a run's directory until the block ends."""
    with contextlib.ExitStack() as until:
        decided(lambda: until.enter_context(run.owned()))
        yield


def restored_by_all(restore: Callable[[Sequence[Path]], R], paths: Sequence[Path]) -> R:
    """Has process 0 restore one of some checkpoints, and the others the same; each returns what it has read.

    Args:
        restore: returns the first of some that can be used, with the `step` that is its name.
        paths: those that process 0 has to choose from.
    """
    found: list[R] = []

    def first() -> str:
        found.append(restore(paths))
        return str(paths[0].with_name(str(found[0].step)).absolute())

    path = decided(first)
    return found[0] if found else restore([Path(path)])


def output_of_all(mine: Path) -> Path:
    """Returns the output directory that process 0 has, and removes the empty one made for another here."""
    output = Path(decided(lambda: str(mine)))
    if output != mine:
        with contextlib.suppress(OSError):
            mine.rmdir()
    return output


def gathered(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Returns NumPy's arrays of all processes, those of one after those of the process before."""
    if _process[1] == 1:
        return dict(arrays)
    from jax.experimental import multihost_utils

    whole: dict[str, Any] = multihost_utils.process_allgather(dict(arrays), tiled=True)
    return whole


def stop_signals() -> StopSignals:
    """Returns what notes the signals of this process; of several, each hands them to JAX.

    JAX listens for SIGTERM, and tells the other processes.
    """
    if _process[1] == 1:
        return StopSignals()
    return StopSignals(lambda _: os.kill(os.getpid(), SIGTERM), left=[SIGTERM])


def stop_agreed_on(number: int | None, call: int) -> int | None:
    """Returns the signal for which to stop now; None to go on.

    Where there are several processes, JAX finds the next call that none has made yet, and all stop there.

    Args:
        number: of the signal that this process has got; None for none.
        call: how many calls all processes have made.
    """
    if _process[1] == 1:
        return number
    from jax.experimental import multihost_utils

    return (number or SIGTERM) if multihost_utils.reached_preemption_sync_point(call) else None


def _client() -> Any:
    from jax._src import distributed  # Orbax's way to it, too

    return distributed.global_state.client


def _meet(error: BaseException) -> None:
    """Waits for the others to end with an error as this process does, or has it end without them."""
    try:
        _client().wait_at_barrier("experiments/end", _MEETING * 1000)
    except Exception:
        leave(error)


def _is_loss(error: BaseException) -> bool:
    """Whether JAX says that another process cannot be reached."""
    signs = ("gloo", "unavailable", "deadline_exceeded", "coordination", "connection")
    return type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError") and any(
        sign in str(error).lower() for sign in signs
    )
