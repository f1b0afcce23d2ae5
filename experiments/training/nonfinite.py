"""Numbers that are not finite: how to tell them, and how to say where they come from."""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.data import Batches

POLICIES = ("stop", "skip", "rewind")
MOST_IN_A_ROW = 10  # steps to leave out
MOST_REWINDS = 3
_MOST_TOLD = 8  # examples

# Whether all floating-point arrays of a list are finite.
_all_finite = jax.jit(lambda leaves: jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves])))


def is_finite(leaves: Sequence[jax.Array]) -> bool:
    """Returns whether there is no NaN and no infinity in these arrays."""
    return bool(_all_finite([leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)]))


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
