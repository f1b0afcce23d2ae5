"""Selects by the kernel alone, against NumPy, without JAX; so it can run under a sanitizer.

    python tests/engines/select_fuzz.py LIBRARY [--cases N] [--seed S] [--threads T]

As kernel_fuzz.py, whose arrays and whose oracle it takes: what is selected is a part of what is sorted.
"""

import argparse
import ctypes
import dataclasses
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.engines.kernel_fuzz import DTYPES, ELEMENT_TYPES, Case, bits, random_values


@dataclasses.dataclass
class Selection:
    """The ranks start ≤ rank < stop of a sort."""

    case: Case
    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.case}, ranks {self.start} to {self.stop}"


def random_shape(random: np.random.Generator) -> tuple[int, ...]:
    """Shapes that reach every way to select: whole sorts, rows, rows of several threads, columns."""
    ranges: list[list[tuple[int, int]]] = [
        [(1, 20), (1, 200)],
        [(1, 30), (128, 1500)],
        [(1, 4), (128, 400), (1, 40)],
        [(1, 3), (2000, 40_000)],
        [(65_536, 200_000)],
        [(600_000, 1_500_000)],  # so many candidates that they are narrowed down twice
    ]
    chosen = random.choice(len(ranges), p=[0.15, 0.4, 0.2, 0.15, 0.08, 0.02])
    return tuple(int(random.integers(*r)) for r in ranges[chosen])


def random_selection(random: np.random.Generator) -> Selection:
    """Returns ranks of any sort; half of them are at an end of the order, and most of them few."""
    shape = random_shape(random)
    x = random_values(random, DTYPES[random.integers(len(DTYPES))], shape)
    axis = int(np.argmax(shape)) if len(shape) > 1 else 0
    n = shape[axis]
    if random.random() < 0.4:  # what a sample might be misled by
        x = np.sort(x, axis) if random.random() < 0.5 else np.take(x, np.arange(n) * 7919 % n, axis)
    where = None
    if random.random() < 0.3:
        where = (random.random(shape) < random.random()).astype(np.uint8)
        x = np.where(where, x, np.zeros((), x.dtype))
    flags = (bool(random.integers(2)) for _ in range(2))
    count = int(random.integers(1, max(2, n // int(random.choice([1, 4, 50])))))
    start = int(random.choice([0, n - count, random.integers(0, n - count + 1)]))
    return Selection(Case(np.ascontiguousarray(x), axis, where, *flags), start, start + count)


class Kernel:
    """The C entry point of a selection.

    Attributes:
        entry: that function.
        target: the instruction set in use.
    """

    def __init__(self, path: str, threads: int):
        library = ctypes.CDLL(path)
        size, whole, address = ctypes.c_int64, ctypes.c_int, ctypes.c_void_p
        self.entry = library.diffsort_select
        self.entry.argtypes = [whole, *[size] * 3, *[address] * 4, *[whole] * 3, size, size, whole]
        library.diffsort_target.restype = ctypes.c_char_p
        self.target = library.diffsort_target().decode()
        self._threads = threads

    def select(
        self, given: Selection, values: np.ndarray | None = None, indices: np.ndarray | None = None
    ) -> None:
        """Fills those of `values` and `indices` that are given.

        Raises:
            MemoryError: the kernel says that it found no memory.
        """
        case = given.case
        shape, axis = case.x.shape, case.axis
        outer, inner = (int(np.prod(p, dtype=np.int64)) for p in (shape[:axis], shape[axis + 1 :]))
        arrays = (None if a is None else a.ctypes.data for a in (case.x, case.where, values, indices))
        width = 4 if indices is None else indices.itemsize
        order = (width, case.descending, case.ties_reversed, given.start, given.stop, self._threads)
        if not self.entry(ELEMENT_TYPES[case.x.dtype], outer, shape[axis], inner, *arrays, *order):
            raise MemoryError(str(given))


def check(kernel: Kernel, given: Selection) -> None:
    """Holds the kernel against NumPy.

    Raises:
        AssertionError: they differ.
    """
    x, axis = given.case.x, given.case.axis
    order = given.case.order().take(range(given.start, given.stop), axis)
    expected = bits(np.take_along_axis(x, order, axis))
    for dtype in (np.uint16, np.int32) if x.shape[axis] <= 2**16 else (np.int32,):
        values, indices = np.empty(order.shape, x.dtype), np.empty(order.shape, dtype)
        kernel.select(given, values, indices)
        assert np.array_equal(indices, order), f"{kernel.target}: the indices of {given}"
        assert np.array_equal(bits(values), expected), f"{kernel.target}: the values of {given}"
    values = np.empty(order.shape, x.dtype)
    kernel.select(given, values)
    assert np.array_equal(bits(values), expected), f"{kernel.target}: the values alone of {given}"


def main() -> None:
    """Runs as many cases as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("library")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    kernel = Kernel(arguments.library, arguments.threads)
    for number in range(arguments.cases):
        given = random_selection(np.random.default_rng([arguments.seed, number]))
        try:
            check(kernel, given)
        except AssertionError as error:
            raise SystemExit(f"case {number} of seed {arguments.seed}: {error}") from None
    print(f"{kernel.target}: {arguments.cases} cases agree")


if __name__ == "__main__":
    main()
