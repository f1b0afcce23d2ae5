"""Which processes train together, and how they meet."""

import atexit
import importlib.util
import os
import re
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from experiments.errors import UserError

_EXPLICIT = ("coordinator_address", "num_processes", "process_id")
_SAY = "write cluster.coordinator_address=HOST:PORT cluster.num_processes=N cluster.process_id=I"

# How variables begin that a scheduler sets where JAX looks for one. Without them nothing is loaded to look.
_SIGNS = ("SLURM_", "OMPI_", "KUBERNETES_", "TPU_", "MEGASCALE_")

_HEARTBEAT = 30  # seconds after which a process that is not heard of has died, and the others end


def initialization(config: DictConfig) -> dict[str, Any] | None:
    """Returns what to call `jax.distributed.initialize` with; None for a process by itself.

    Args:
        config: the composed config, whose `distributed` and `cluster` say which processes there are.

    Raises:
        UserError: they say what cannot be, or there are none where there must be.
    """
    wanted, cluster = config.get("distributed", "auto"), config.get("cluster") or {}
    if wanted not in (True, False, "auto"):
        raise UserError(f"distributed={wanted}: no such choice (choices: auto, true, false)")
    if wanted is False:
        return None
    given = {key: cluster[key] for key in _EXPLICIT if cluster.get(key) is not None}
    if missing := [key for key in _EXPLICIT if given and key not in given]:
        raise UserError(f"cluster.{next(iter(given))}: write cluster.{' and cluster.'.join(missing)} with it")
    if given:
        if not re.fullmatch(r".+:\d+", address := str(given["coordinator_address"])):
            raise UserError(f"cluster.coordinator_address={address}: write HOST:PORT")
        if not 0 <= given["process_id"] < given["num_processes"]:
            raise UserError(
                f"cluster.process_id={given['process_id']}: write 0 to {given['num_processes'] - 1}, as "
                f"cluster.num_processes={given['num_processes']}"
            )
        return {**given, "cluster_detection_method": "deactivate"} if given["num_processes"] > 1 else None
    try:
        found = _launched()
    except Exception as error:  # such as that a pod of Kubernetes may not ask about its job
        raise UserError(
            f"distributed={str(wanted).lower()}: JAX cannot tell which processes belong together "
            f"({first_line(error)}); write distributed=false for one by itself, or {_SAY}"
        ) from error
    if found is None and wanted is True:
        raise UserError(
            "distributed=true: started by no scheduler that JAX knows; start it with srun or mpirun, "
            f"or {_SAY}"
        )
    return {} if found is not None and found > 1 else None


def _launched() -> int | None:
    """Returns how many processes a scheduler has started of this program; None where none that JAX knows has.

    A shell in a SLURM allocation is a step of one task, whatever the allocation is for.
    """
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", 2)) == 1:
        return 1
    if not any(name.startswith(_SIGNS) for name in os.environ) and not importlib.util.find_spec("libtpu"):
        return None
    from jax._src import clusters  # as jax.distributed.initialize does

    kinds = clusters.ClusterEnv._cluster_types
    with warnings.catch_warnings(action="ignore"):  # of what is not installed
        found = next((kind for kind in kinds if not kind.opt_in_only_method and kind.is_env_present()), None)
        return None if found is None else found.get_process_count()


def initialize(arguments: Mapping[str, Any], timeout: int) -> tuple[int, int]:
    """Meets the other processes; returns which of them this is, from 0, and how many there are.

    Args:
        arguments: as `initialization` returns them.
        timeout: seconds to wait.

    Raises:
        UserError: not all have come in that time.
    """
    import jax

    failed: list[Exception] = []

    def meet() -> None:
        try:
            jax.distributed.initialize(
                **arguments,
                initialization_timeout=2 * timeout + _HEARTBEAT,
                heartbeat_timeout_seconds=_HEARTBEAT,
                shutdown_timeout_seconds=_HEARTBEAT,
            )
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=meet, daemon=True)  # nothing interrupts JAX when it waits
    thread.start()
    try:
        thread.join(timeout)
    except BaseException as error:
        leave(error)
        raise
    if thread.is_alive():
        where = arguments.get("coordinator_address", "where the scheduler says")
        late = UserError(
            f"cluster.initialization_timeout={timeout}: not all processes have met within as many seconds "
            f"(coordinator: {where}); see whether all run, and reach it"
        )
        leave(late)
        raise late
    if failed:
        raise UserError(f"distributed: {first_line(failed[0])}") from failed[0]
    return jax.process_index(), jax.process_count()


def leave(error: BaseException) -> None:
    """Has the process end without a word to the others when it ends, which they then notice."""
    status = error.code if isinstance(error, SystemExit) else 2 if isinstance(error, UserError) else 1

    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status if isinstance(status, int) else 1)

    atexit.register(end)  # what is registered last is called first


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says."""
    return str(error).partition("\n")[0]
