"""Numbers that are not finite: how to tell them, and how to say where they come from."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import jax
import numpy as np

from experiments.data import Batches

POLICIES = ("stop", "skip", "rewind")
MOST_IN_A_ROW = 10  # steps to leave out
MOST_REWINDS = 3
_MOST_TOLD = 8  # examples


def all_finite(arrays: Iterable[jax.Array]) -> bool:
    """Returns whether there is no NaN and no infinity in these arrays; brings them to the host."""
    return all(bool(np.isfinite(array).all()) for array in jax.device_get(list(arrays)))


def describe(what: str, rate: float, batches: Batches, number: int, checkpoints: Sequence[Path]) -> str:
    """Returns what to say of a step whose numbers are not finite.

    Args:
        what: it is, and at which step.
        rate: its learning rate.
        batches: of the run.
        number: which of them the step was made with.
        checkpoints: there are, the newest first.
    """
    batch = batches[number]
    ids = [str(one) for one in batches.example_ids(number)]
    told = ", ".join(ids[:_MOST_TOLD]) + (", …" if len(ids) > _MOST_TOLD else "")
    sound = all(np.isfinite(values).all() for values in batch.values())
    if sound:
        cause = "the training diverged, as all numbers of its batch are finite"
        fix = (
            "lower optimizer.learning_rate, set optimizer.clip, or write trainer.on_nonfinite=skip or rewind"
        )
    else:
        cause, fix = "numbers of its batch are not finite", "mend the data"
    last = f"the last good checkpoint is {checkpoints[0]}" if checkpoints else "there is no checkpoint yet"
    return f"{what}: {cause}; {fix} (learning rate {rate:.3g}; training examples {told}; {last})"
