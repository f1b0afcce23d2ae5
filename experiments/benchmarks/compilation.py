"""How long a sort and its gradient take to trace and to compile."""

import time
from collections.abc import Iterator

import jax

from experiments.benchmarks.contestants import forward_and_backward, implementations
from experiments.benchmarks.results import Result, summarised
from experiments.benchmarks.sort_times import Shapes, describe_case, random_pair

SHAPES: Shapes = {(64,): 0, (64, 64, 128): 1}
TRACING, COMPILING = "tracing and lowering", "compiling"

_LEAST, _MOST = 3, 30


def run_compilation(seconds: float) -> Iterator[Result]:
    """Times both for forward and backward together, two results a shape.

    A persistent compilation cache, if one is set, makes the second too short.

    Args:
        seconds: about how long to take for a shape; at least a few rounds are made.
    """
    for shape, axis in SHAPES.items():
        x, cotangent = random_pair(shape)
        tracing: dict[str, list[float]] = {name: [] for name in implementations()}
        compiling: dict[str, list[float]] = {name: [] for name in implementations()}
        began = time.perf_counter()
        for i in range(_MOST):
            if i >= _LEAST and time.perf_counter() - began > seconds:
                break
            for name in implementations():
                jax.clear_caches()
                start = time.perf_counter()
                lowered = jax.jit(forward_and_backward(name, axis)).lower(x, cotangent)
                middle = time.perf_counter()
                lowered.compile()
                tracing[name].append((middle - start) * 1e3)
                compiling[name].append((time.perf_counter() - middle) * 1e3)
        for quantity, samples in ((TRACING, tracing), (COMPILING, compiling)):
            times = {name: summarised(values) for name, values in samples.items()}
            yield Result("compile", describe_case(shape, axis), x.size, quantity, "ms", times)
