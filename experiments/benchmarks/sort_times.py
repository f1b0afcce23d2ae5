"""How long sorts of several shapes take with their gradients."""

from collections.abc import Iterator

import jax

from experiments.benchmarks.contestants import forward_and_backward, implementations
from experiments.benchmarks.peers import peers
from experiments.benchmarks.results import RUN_TIME, Result
from experiments.benchmarks.timing import Program, able, time_in_turn

Shapes = dict[tuple[int, ...], int]

# From two elements to ten million, in one row.
LENGTHS = (2, 8, 32, 128, 1_000, 10_000, 100_000, 1_000_000, 3_000_000, 10_000_000)

# Shapes and the axis sorted: the article's, sets × points × features, and independent rows.
SHAPES: dict[str, Shapes] = {
    "article": {(1_000_000,): 0},
    "pooling": {(16, 256, 64): 1, (64, 64, 128): 1, (256, 64, 64): 1, (32, 1024, 64): 1, (1024, 16, 64): 1},
    "rows": {(1024, 1024): 1, (8192, 32): 1, (64, 4096): 1, (4096, 256): 1, (1024, 128): 0, (64, 64): 1},
    "tiny": {(2,): 0, (16,): 0, (64,): 0, (128,): 0, (256,): 0, (8, 8): 1, (32, 16): 1},
    "scaling": {(n,): 0 for n in LENGTHS},
}


def run_sorts(suite: str, seconds: float) -> Iterator[Result]:
    """Times forward and backward of a sort of float32, a result for each shape of the suite.

    Args:
        suite: a key of SHAPES.
        seconds: about how long to take for a shape.
    """
    for shape, axis in SHAPES[suite].items():
        x, cotangent = random_pair(shape)
        yield time_forward_and_backward(suite, describe_case(shape, axis), x, cotangent, axis, seconds)


def time_forward_and_backward(
    suite: str, case: str, x: jax.Array, cotangent: jax.Array, axis: int, seconds: float
) -> Result:
    """Times a sort and its gradient with each implementation, and with the peers.

    Args:
        suite: to be noted.
        case: likewise.
        x: what to sort; floating.
        cotangent: of the sorted values.
        axis: non-negative.
        seconds: about how long to take.
    """
    programs = {name: _program(name, x, cotangent, axis) for name in implementations()}
    programs, failures = able(programs | peers(x, cotangent, axis))
    return Result(suite, case, x.size, RUN_TIME, "ms", time_in_turn(programs, seconds), failures)


def random_pair(shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Returns an array to sort and a cotangent of the sorted values."""
    return jax.random.normal(jax.random.key(0), shape), jax.random.normal(jax.random.key(1), shape)


def describe_case(shape: tuple[int, ...], axis: int) -> str:
    """Returns a shape and the axis sorted, the axis left out where there is one only."""
    if len(shape) == 1:
        return f"{shape[0]:,}"
    return f"{'×'.join(map(str, shape))}, axis {axis}"


def _program(name: str, x: jax.Array, cotangent: jax.Array, axis: int) -> Program:
    run = jax.jit(forward_and_backward(name, axis))
    return lambda: run(x, cotangent)
