"""How much memory a sort keeps for its gradient, and how much more the gradient takes."""

from collections.abc import Iterator
from typing import Any

import jax

from experiments.benchmarks.contestants import implementations, sort_along
from experiments.benchmarks.results import Measurement, Result, exactly
from experiments.benchmarks.sort_times import Shapes, describe_case, random_pair

SHAPES: Shapes = {(64, 512): 1, (64, 64, 128): 1, (8192, 32): 1, (1_000_000,): 0}
KEPT, TEMPORARIES = "kept from forward to backward", "temporaries of backward"


def run_memory(seconds: float) -> Iterator[Result]:
    """Yields what is kept and what is allocated, two results a shape, as multiples of the input's size.

    Args:
        seconds: taken for the sake of the other suites; the sizes are exact.
    """
    del seconds
    for shape, axis in SHAPES.items():
        kept: dict[str, Measurement] = {}
        temporaries: dict[str, Measurement] = {}
        x, cotangent = random_pair(shape)
        for name in implementations():
            kept_bytes, temporary_bytes = gradient_memory(name, x, cotangent, axis)
            kept[name] = exactly(kept_bytes / x.nbytes)
            temporaries[name] = exactly(temporary_bytes / x.nbytes)
        for quantity, sizes in ((KEPT, kept), (TEMPORARIES, temporaries)):
            yield Result("memory", describe_case(shape, axis), x.size, quantity, "× the input", sizes)


def gradient_memory(name: str, x: jax.Array, cotangent: jax.Array, axis: int) -> tuple[int, int]:
    """Returns the bytes kept from forward to backward, and those of backward's temporaries.

    Forward and backward are programs of their own here, as in a model, where there is more in between.

    Args:
        name: an implementation.
        x: what to sort.
        cotangent: of the sorted values.
        axis: the axis sorted.
    """
    sort = sort_along(name, axis)
    pull_back = jax.jit(lambda x: jax.vjp(sort, x)[1])(x)  # a pytree: its leaves are what is kept
    kept = sum(leaf.nbytes for leaf in jax.tree.leaves(pull_back))

    # Passed as an argument: closed over, what was kept would be a constant, and be folded away.
    @jax.jit
    def backward(pull_back: Any, cotangent: jax.Array) -> jax.Array:
        return pull_back(cotangent)[0]

    analysis: Any = backward.lower(pull_back, cotangent).compile().memory_analysis()
    return kept, analysis.temp_size_in_bytes
