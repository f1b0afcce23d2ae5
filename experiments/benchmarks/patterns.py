"""What a sort takes on inputs that are not random, its data in the caches or not."""

import functools
import itertools
from collections.abc import Callable, Iterator

import jax
import numpy as np

from experiments.benchmarks.contestants import REFERENCE, TORCH, import_torch, sort_along
from experiments.benchmarks.timing import Measurement, Program, time_in_turn

NUMPY_SORT = "numpy"
TEETH, VALUES, EXPONENT = 10, 5, 1.5  # of the saw, of few values, of Zipf's law
COLD_BYTES = 1 << 27  # of arrays taken in turn, so that each has left the caches when it is its turn again

PATTERNS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "random": lambda random, n: random.standard_normal(n),
    "sorted": lambda random, n: np.sort(random.standard_normal(n)),
    "reversed": lambda random, n: -np.sort(random.standard_normal(n)),
    "saw": lambda _, n: np.arange(n) % max(n // TEETH, 1),
    "organ pipe": lambda _, n: np.minimum(np.arange(n), np.arange(n)[::-1]),
    "few values": lambda random, n: random.integers(0, VALUES, n),
    "Zipf": lambda random, n: random.zipf(EXPONENT, n),
    "all equal": lambda _, n: np.ones(n),
    "NaN-heavy": lambda random, n: np.where(random.random(n) < 0.5, np.nan, random.standard_normal(n)),
}


def make_pattern(name: str, n: int, seed: int = 0) -> np.ndarray:
    """Returns n float32 elements.

    >>> make_pattern("organ pipe", 5).tolist()
    [0.0, 1.0, 2.0, 1.0, 0.0]

    Args:
        name: a key of PATTERNS.
        n: how many.
        seed: of those that chance has a part in.
    """
    return PATTERNS[name](np.random.default_rng(seed), n).astype(np.float32)


def time_patterns(
    n: int, seconds: float
) -> Iterator[tuple[str, str, dict[str, Measurement], dict[str, str]]]:
    """Times the values of each pattern alone, beside NumPy's and, where it is installed, PyTorch's.

    Args:
        n: elements of an array.
        seconds: about how long to take for all of them.

    Yields:
        What was measured, its unit, measurements and failures by contestant.
    """
    share = seconds / len(PATTERNS) / 2
    for name, (state, arrays) in itertools.product(PATTERNS, (("hot", 1), ("cold", COLD_BYTES // (4 * n)))):
        programs = _programs([make_pattern(name, n)] * max(arrays, 1))
        yield f"values, {name}, {state}", "ms", *time_in_turn(programs, share)


def _programs(arrays: list[np.ndarray]) -> dict[str, Program]:
    """Programs that sort a copy of each array in turn, one a call."""

    def in_turn(sort: Callable, copies: list) -> Program:
        turns = itertools.cycle(copies)
        return lambda: sort(next(turns))

    programs = {
        REFERENCE: in_turn(jax.jit(sort_along(REFERENCE, 0)), [jax.numpy.array(a) for a in arrays]),
        NUMPY_SORT: in_turn(np.sort, [a.copy() for a in arrays]),
    }
    if torch := import_torch():
        programs[TORCH] = in_turn(functools.partial(torch.sort, dim=0), [torch.tensor(a) for a in arrays])
    return programs
