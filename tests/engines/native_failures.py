"""As kernel_failures.py, for the kernel as XLA calls it: every allocation of the library fails in turn.

LD_PRELOAD=FAILING python tests/engines/native_failures.py FAILING
"""

import collections
import ctypes
import itertools
import sys
from typing import Any

import jax
import numpy as np

import diffsort
from diffsort.engines import library

# One at least for each place that asks for memory, of growing sizes: what one call got the next keeps.
SHAPES = [((70, 20), 1), ((3, 70, 40), 1), ((3, 3000), 1), ((200, 300), 1), ((9000, 3), 0), ((300_000,), 0)]
NAME = library.FOLDER.as_posix().encode()


def compiled(shape: tuple[int, ...], axis: int) -> tuple[Any, tuple[jax.Array, ...], tuple[np.ndarray, ...]]:
    """Values and gradient as a program, its arguments, and what it should return."""

    def run(x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
        sort = jax.vjp(lambda x: diffsort.sort(x, axis=axis, implementation="manual:native"), x)
        return sort[0], sort[1](cotangent)[0]

    x, cotangent = jax.random.normal(jax.random.key(0), (2, *shape))
    order = np.argsort(np.asarray(x), axis, kind="stable")
    gradient = np.empty(shape, np.float32)
    np.put_along_axis(gradient, order, np.asarray(cotangent), axis)
    program = jax.jit(run).lower(x, cotangent).compile()
    return program, (x, cotangent), (np.sort(np.asarray(x), axis), gradient)


def main() -> None:
    """Runs all programs with all failures."""
    failing = ctypes.CDLL(sys.argv[1])
    failing.fail_from_now.argtypes = [ctypes.c_int64, ctypes.c_int, ctypes.c_char_p]
    failing.fail_no_more.restype = ctypes.c_int64
    outcomes: collections.Counter[str] = collections.Counter()
    for (program, arguments, expected), is_for_good in itertools.product(
        itertools.starmap(compiled, SHAPES), (True, False)
    ):
        for number in itertools.count(1):
            failing.fail_from_now(number, is_for_good, NAME)
            try:
                found = jax.block_until_ready(program(*arguments))
            except (ValueError, jax.errors.JaxRuntimeError) as error:
                failing.fail_no_more()
                if "RESOURCE_EXHAUSTED: diffsort: out of memory in a sort" not in str(error):
                    raise
                outcomes["refused"] += 1
                continue
            is_reached = failing.fail_no_more() >= number
            for actual, right in zip(found, expected, strict=True):
                np.testing.assert_array_equal(actual, right)
            if not is_reached:
                break
            outcomes["sorted all the same"] += 1
    print(", ".join(f"{count} {what}" for what, count in sorted(outcomes.items())))


if __name__ == "__main__":
    main()
