"""Relaxed sorts whose temperature changes over the steps of a run."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import optax
from flax import nnx

from diffsort.soft import RelaxedSort
from experiments.losses import Loss
from experiments.tasks import Task

_Made = TypeVar("_Made")

# What takes a setting from a beginning, over so many steps, to a fraction of it.
_SCHEDULES: dict[str, Callable[[float, int, float], optax.Schedule]] = {
    "exponential": optax.exponential_decay,
    "linear": lambda begin, steps, final: optax.linear_schedule(begin, begin * final, steps),
    "cosine": optax.cosine_decay_schedule,
}


def annealed(begin: float, final: float, schedule: str, steps: int) -> float | optax.Schedule:
    """Returns a setting of a relaxed sort: a number, or an Optax schedule where it changes.

    Args:
        begin: the value at the first step.
        final: the value after the last step, as a fraction of `begin`; 1 leaves it as it is.
        schedule: how it goes there: "exponential", "linear" or "cosine".
        steps: length of the run.

    Raises:
        ValueError: there is no such schedule, or a value is not positive.

    >>> annealed(0.1, 1.0, "linear", 100)
    0.1
    >>> float(annealed(1.0, 0.01, "exponential", 100)(50))
    0.1...
    """
    if schedule not in _SCHEDULES:
        raise ValueError(f"sort.schedule={schedule}: no such choice (choices: {', '.join(_SCHEDULES)})")
    if not final > 0:
        raise ValueError(f"sort.final={final} must be positive.")
    return begin if final == 1 else _SCHEDULES[schedule](begin, steps, final)


def steps_made(optimizer: optax.OptState) -> jax.Array:
    """Returns how many updates an optimizer has made, which is what its learning rate goes by.

    Args:
        optimizer: the state of an optimizer with a schedule.
    """
    step: jax.Array = optax.tree.get(optimizer, "ScaleByScheduleState").count
    return step


def at_step(made: _Made, step: jax.Array | int) -> _Made:
    """Returns a model, a task or a part of one, with each relaxed sort as its schedule has it at a step.

    A model is changed itself, which inside a compiled step is one that was merged there; all else is copied
    where it differs. The step may be traced, so a schedule compiles nothing anew.

    Args:
        made: what may hold relaxed sorts: as attributes, or as arguments of partial functions.
        step: how many steps have been made.
    """
    found: Any = made
    if isinstance(made, RelaxedSort):
        return made.at(step)
    if isinstance(made, functools.partial) and (new := _changes(made.keywords, step)):
        found = functools.partial(made.func, *made.args, **{**made.keywords, **new})
    elif isinstance(made, nnx.Module):
        for _, module in nnx.iter_modules(made):
            vars(module).update(_changes(vars(module), step))
    elif isinstance(made, Task | Loss) and (new := _changes(vars(made), step)):
        found = object.__new__(type(made))
        vars(found).update({**vars(made), **new})
    return found


def _changes(values: Mapping[str, Any], step: jax.Array | int) -> dict[str, Any]:
    """Those of the values that are others at the step."""
    parts = {name: value for name, value in values.items() if not isinstance(value, nnx.Module)}
    new = {name: at_step(value, step) for name, value in parts.items()}
    return {name: value for name, value in new.items() if value is not parts[name]}
