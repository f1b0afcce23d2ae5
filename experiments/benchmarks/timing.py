"""Timing that holds on a noisy machine: programs in turn, in one process, medians compared."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np

Program = Callable[[], object]  # runs once; what it returns is waited for

_LEAST, _MOST = 7, 2000
_FEWEST = 3  # rounds of a program so slow that it alone would take longer than all were given
# A program this short is run once more, uncounted, at the start of its turn: else it would pay for what
# the one before did to the caches.
_SHORT_MS = 2.0


@dataclass(frozen=True)
class Measurement:
    """A quantity measured several times, or once if chance has no part in it.

    Attributes:
        median: the value to quote, in the unit of its result.
        low: lower quartile.
        high: upper quartile.
        repeats: how many values were counted.
    """

    median: float
    low: float
    high: float
    repeats: int


def summarised(values: Sequence[float]) -> Measurement:
    """Returns median and quartiles; one value alone is taken to come out the same every time."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return Measurement(median, low, high, len(values))


def time_in_turn(
    programs: Mapping[str, Program], seconds: float
) -> tuple[dict[str, Measurement], dict[str, str]]:
    """Times programs in turn, so that a slow moment of the machine hits all of them.

    Every round has an order of its own: whoever always came after the same one would pay for what that
    one left behind, threads still spinning or caches cold. Too little memory, or something that a device
    does not support, is a result like others; any error but those of JAX and PyTorch is a mistake in the
    program, and raised.

    Args:
        programs: what to time, by name. They are run warm: compilation is not counted.
        seconds: about how long to take for all of them together; at least a few rounds are made, and
            a slow program may sit out the last of them.

    Returns:
        Milliseconds of those that could run, and what kept the others from it, both by name.
    """
    once: dict[str, float] = {}
    failures: dict[str, str] = {}
    for name, program in programs.items():
        try:
            _milliseconds(program)  # compiles
        except RuntimeError as error:  # JaxRuntimeError, torch.OutOfMemoryError, NotImplementedError
            failures[name] = str(error).partition("\n")[0][:200]
        else:
            once[name] = max(_milliseconds(program), 1e-3)
    rounds = min(_MOST, max(_LEAST, round(seconds * 1e3 / sum(once.values(), 1e-3))))
    turns = {name: min(rounds, max(_FEWEST, round(seconds * 1e3 / t))) for name, t in once.items()}
    samples: dict[str, list[float]] = {name: [] for name in once}
    chance = random.Random(0)  # noqa: S311
    for i in range(rounds):
        for name in chance.sample(list(once), len(once)):
            if i < turns[name]:
                if once[name] < _SHORT_MS:
                    _milliseconds(programs[name])
                samples[name].append(_milliseconds(programs[name]))
    return {name: summarised(times) for name, times in samples.items()}, failures


def _milliseconds(program: Program) -> float:
    start = time.perf_counter()
    jax.block_until_ready(program())
    return (time.perf_counter() - start) * 1e3
