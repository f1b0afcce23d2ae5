"""Batches of fixed shape: endless and shuffled to train on, once and in order to evaluate on."""

import functools
from collections.abc import Iterator
from typing import Any

import grain
import numpy as np

from experiments.data.examples import Examples
from experiments.data.shuffling import shuffled_indices
from experiments.errors import UserError

# Arrays with an example a row: NumPy's, which a compiled step sees as JAX's.
Batch = dict[str, Any]

# Streams of random bits, apart from those of the epochs' orders, which take a single number each.
_TRAINING, _EVALUATION = 1, 2

# Two, as Grain's threads may be at the end of an epoch and at the beginning of the next.
_order = functools.lru_cache(maxsize=2)(shuffled_indices)


def training_batches(examples: Examples, batch_size: int, seed: int) -> grain.MapDataset:
    """Returns the batches of a training run, `batches[step]` for any step.

    A batch depends on `examples`, `batch_size`, `seed` and `step` alone, so a resumed run goes on with the
    batches that it would have seen. Every epoch has an order of its own, shows every example at most once
    and drops what does not fill a batch.

    Args:
        examples: the training examples.
        batch_size: examples a batch.
        seed: decides the order; a non-negative integer.

    Returns:
        An endless dataset of dicts: the arrays of `examples`, `batch_size` rows of each, and `key`, uint32
        (2,): random bits of this step, the data of a JAX key.

    Raises:
        UserError: `batch_size` is below 1 or exceeds the number of examples.
        ValueError: `seed` is negative.
    """
    if not 1 <= batch_size <= len(examples):
        raise UserError(
            f"trainer.batch_size={batch_size}: there are {len(examples)} training examples; "
            f"make it at least 1 and at most {len(examples)}"
        )
    _order(len(examples), seed, 0)  # so that a wrong seed is told here
    # Grain's own shuffle asks for one index after the other and is slow where there are few (0.5 ms
    # for 64 of 60,000, 1.2 ms for 64 of 1,000), and its epoch e + 1 of seed s is epoch e of seed s + 1.
    gather = functools.partial(_shuffled_batch, examples, batch_size, seed)
    return grain.MapDataset.range(len(examples) // batch_size).repeat().map_with_index(gather)


def evaluation_batches(examples: Examples, batch_size: int) -> Iterator[Batch]:
    """Yields every example once, in order, in batches of one shape.

    Args:
        examples: the examples.
        batch_size: examples a batch, at least 1.

    Yields:
        Dicts as of `training_batches`, the same keys every time, and `valid`, bool (batch_size,): False for
        what pads the last batch, which is 0.
    """
    for number, start in enumerate(range(0, len(examples), batch_size)):
        rows = examples.take(slice(start, start + batch_size))
        arrays = {**rows.arrays(), "valid": np.ones(len(rows), bool)}
        padding = batch_size - len(rows)
        padded = {
            name: np.pad(values, [(0, padding)] + [(0, 0)] * (values.ndim - 1))
            for name, values in arrays.items()
        }
        yield {**padded, "key": _key(_EVALUATION, 0, number)}


def _shuffled_batch(examples: Examples, batch_size: int, seed: int, step: int, within_epoch: int) -> Batch:
    """Gathers a whole batch at a time, since gathering single examples is slow."""
    epoch = step // (len(examples) // batch_size)
    start = within_epoch * batch_size
    rows = examples.take(_order(len(examples), seed, epoch)[start : start + batch_size])
    return {**rows.arrays(), "key": _key(_TRAINING, seed, step)}


def _key(stream: int, seed: int, number: int) -> np.ndarray:
    return np.random.SeedSequence(seed, spawn_key=(stream, number)).generate_state(2)
