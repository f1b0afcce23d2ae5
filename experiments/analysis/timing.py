"""Timing that holds on a noisy machine: programs in turn, in one process, medians compared."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax

Program = Callable[[], object]  # runs once; what it returns is waited for

_WARM_UP, _LEAST, _MOST = 3, 7, 500


@dataclass(frozen=True)
class Timing:
    """How long a program took.

    Attributes:
        median_ms: median, in milliseconds.
        low_ms: lower quartile.
        high_ms: upper quartile.
        repeats: how many runs were counted.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    repeats: int


def time_in_turn(programs: Mapping[str, Program], seconds: float) -> dict[str, Timing]:
    """Times programs in turn, A B C A B C, so that a slow moment of the machine hits all of them.

    Args:
        programs: what to time, by name. They are run warm: compilation is not counted.
        seconds: about how long to take for all of them together; at least a few rounds are made.
    """
    began = time.perf_counter()
    for _ in range(_WARM_UP):
        for program in programs.values():
            jax.block_until_ready(program())
    warm_up = (time.perf_counter() - began) / _WARM_UP
    rounds = min(_MOST, max(_LEAST, round(seconds / max(warm_up, 1e-6))))
    samples: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(program())
            samples[name].append((time.perf_counter() - start) * 1e3)
    return {name: _summarised(times) for name, times in samples.items()}


def _summarised(times: list[float]) -> Timing:
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(median, low, high, len(times))
