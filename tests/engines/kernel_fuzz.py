"""Sorts random arrays by the kernel alone, against NumPy, without JAX; so it can run under a sanitizer.

    python tests/engines/kernel_fuzz.py LIBRARY [--cases N] [--seed S] [--threads T]

LIBRARY comes from `build(library, for_tests=True)` in diffsort/engines/native/build.py. DIFFSORT_TARGET
chooses the instruction set. Every array has memory of its own, so that a sanitizer sees each step beyond.
"""

import argparse
import ctypes
import dataclasses

import ml_dtypes
import numpy as np

# The numbers of `ElementType` in sort.h.
ELEMENT_TYPES = {
    **{np.dtype(f"int{8 << i}"): 2 + i for i in range(4)},
    **{np.dtype(f"uint{8 << i}"): 6 + i for i in range(4)},
    **{np.dtype(f"float{16 << i}"): 10 + i for i in range(3)},
    np.dtype(ml_dtypes.bfloat16): 16,
}
DTYPES = list(ELEMENT_TYPES)
# Floats whose denormals XLA's CPU code takes for zero.
FLUSHED = {np.dtype(np.float32), np.dtype(ml_dtypes.bfloat16), np.dtype(np.float64)}


class Kernel:
    """The C entry points of c_calls.cc, for NumPy arrays.

    Attributes:
        target: the instruction set in use.
    """

    def __init__(self, path: str, threads: int):
        library = ctypes.CDLL(path)
        size, whole, address = ctypes.c_int64, ctypes.c_int, ctypes.c_void_p
        self._sort, self._permute = library.diffsort_sort, library.diffsort_permute
        self._sort.argtypes = [whole, *[size] * 3, *[address] * 4, *[whole] * 4]
        self._permute.argtypes = [*[size] * 3, whole, whole, *[address] * 3, *[whole] * 3]
        self._permute.restype = None
        library.diffsort_target.restype = ctypes.c_char_p
        self.target = library.diffsort_target().decode()
        self._threads = threads

    def sort(
        self, case: "Case", *, values: np.ndarray | None = None, indices: np.ndarray | None = None
    ) -> None:
        """Fills those of `values` and `indices` that are given.

        Raises:
            MemoryError: the kernel says that it found no memory.
        """
        done = self._sort(
            *(ELEMENT_TYPES[case.x.dtype], *_sizes(case.x.shape, case.axis)),
            *(_address(a) for a in (case.x, case.where, values, indices)),
            *(4 if indices is None else indices.itemsize, case.descending, case.ties_reversed),
            self._threads,
        )
        if not done:
            raise MemoryError(str(case))

    def permute(
        self,
        x: np.ndarray,
        indices: np.ndarray,
        axis: int,
        out: np.ndarray,
        *,
        inverse: bool,
        trusted: bool,
    ) -> None:
        """Fills `out`."""
        sizes = (*_sizes(x.shape, axis), x.itemsize, indices.itemsize)
        self._permute(*sizes, *(_address(a) for a in (x, indices, out)), inverse, trusted, self._threads)


@dataclasses.dataclass
class Case:
    """A sort; arguments as for an engine."""

    x: np.ndarray
    axis: int
    where: np.ndarray | None
    descending: bool
    ties_reversed: bool

    def __str__(self) -> str:
        masked = "masked" if self.where is not None else "whole"
        order = f"descending={self.descending}, ties_reversed={self.ties_reversed}"
        return f"{self.x.dtype}{self.x.shape}, axis {self.axis}, {masked}, {order}"

    def order(self) -> np.ndarray:
        """Returns the permutation, by NumPy's own sort."""
        keys = np.unique(order_keys(self.x), return_inverse=True)[1].reshape(self.x.shape)
        n = self.x.shape[self.axis]
        places = np.arange(n).reshape([-1 if d == self.axis else 1 for d in range(self.x.ndim)])
        places = np.broadcast_to(places, self.x.shape)
        last = np.zeros(self.x.shape, bool) if self.where is None else self.where == 0
        signed = [-a if flag else a for a, flag in ((places, self.ties_reversed), (keys, self.descending))]
        return np.lexsort((*signed, last), axis=self.axis)


def order_keys(x: np.ndarray) -> np.ndarray:
    """What orders as `x` should: NaNs equal and above all else, −0 and flushed denormals equal to +0."""
    if x.dtype.kind in "iu":
        return x
    with np.errstate(invalid="ignore"):
        keys = x.astype(np.float64)  # exactly
        if x.dtype in FLUSHED:
            keys[np.abs(keys) < float(ml_dtypes.finfo(x.dtype).smallest_normal)] = 0
        return keys + 0.0  # −0 is +0; np.unique takes NaNs for equal, and puts them last


def bits(a: np.ndarray) -> np.ndarray:
    """The bit patterns."""
    return np.ascontiguousarray(a).view(f"u{a.dtype.itemsize}")


def random_shape(random: np.random.Generator) -> tuple[int, ...]:
    """Shapes that reach every way in which the kernel cuts up its work."""
    ranges: list[list[tuple[int, int]]] = [
        [(1, 200)],
        [(1, 40), (1, 70)],
        [(1, 5), (1, 80), (1, 40)],  # columns
        [(1, 4), (500, 6000)],  # rows over all lanes
        [(60, 200), (90, 300)],  # enough for several threads
        [(8193, 40000)],  # quicksort
        [(8193, 12000), (1, 4)],
        [(65530, 65600)],  # where indices need more than 16 bits
        [(100_000, 300_000)],  # that several threads partition together
    ]
    chosen = random.choice(len(ranges), p=[0.16, 0.2, 0.2, 0.16, 0.1, 0.08, 0.07, 0.02, 0.01])
    return tuple(int(random.integers(*r)) for r in ranges[chosen])


def random_values(random: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Any bit patterns; few different values; one; numbers in order; or zeros, NaNs and denormals too."""
    patterns = random.integers(0, 256, (*shape, dtype.itemsize), np.uint8).view(dtype).reshape(shape)
    kind = random.integers(6)
    if kind == 0:
        return patterns
    if kind == 1:
        return random.choice(patterns.reshape(-1)[:5], shape)
    if kind == 2:
        return np.full(shape, patterns.reshape(-1)[0])
    numbers = random.standard_normal(shape) * random.choice([0.001, 1, 50])
    if kind == 3:
        numbers = np.sort(numbers, None).reshape(shape) * random.choice([-1, 1])
    with np.errstate(all="ignore"):
        if dtype.kind in "iu":
            return np.abs(numbers).astype(dtype)
        special = np.array([0, -0.0, np.nan, np.inf, -np.inf, 1e-40, -1e-310]).astype(dtype)
        numbers = numbers.astype(dtype)
    return np.where(random.random(shape) < 0.3, random.choice(special, shape), numbers)


def random_case(random: np.random.Generator) -> Case:
    """Returns a sort of anything."""
    shape = random_shape(random)
    x = random_values(random, DTYPES[random.integers(len(DTYPES))], shape)
    where = None
    if random.random() < 0.3:
        where = (random.random(shape) < random.random()).astype(np.uint8)
        x = np.where(where, x, np.zeros((), x.dtype))  # as the kernel is told to expect
    flags = (bool(random.integers(2)) for _ in range(2))
    return Case(x, int(random.integers(len(shape))), where, *flags)


def check(kernel: Kernel, case: Case) -> None:
    """Holds every way to call the kernel against NumPy.

    Raises:
        AssertionError: they differ.
    """
    x, axis = case.x, case.axis
    order = case.order()
    ordered = bits(np.take_along_axis(x, order, axis))

    def agree(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
        assert np.array_equal(actual, expected), f"{kernel.target}: {what} of {case}"

    for dtype in (np.uint16, np.int32) if x.shape[axis] <= 2**16 else (np.int32,):
        values, indices, alone = np.empty_like(x), np.empty(x.shape, dtype), np.empty(x.shape, dtype)
        kernel.sort(case, values=values, indices=indices)
        agree(bits(values), ordered, "values and indices: the values")
        agree(indices, order, "values and indices: the indices")
        kernel.sort(case, indices=alone)
        agree(alone, order, "indices alone")
        moved, back = np.empty_like(x), np.empty_like(x)
        for trusted in (True, False):
            kernel.permute(x, indices, axis, moved, inverse=False, trusted=trusted)
            agree(bits(moved), ordered, "a permutation")
            kernel.permute(moved, indices, axis, back, inverse=True, trusted=trusted)
            agree(bits(back), bits(x), "an inverse permutation")
    values = np.empty_like(x)
    kernel.sort(case, values=values)
    agree(bits(values), ordered, "values alone")


def overflow(kernel: Kernel) -> None:
    """Lets the kernel write beyond an array: what a sanitizer is there to see."""
    case = Case(np.arange(64, dtype=np.float32), 0, None, True, False)
    kernel.sort(case, values=np.empty(63, np.float32))


def _sizes(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    outer, inner = (int(np.prod(part, dtype=np.int64)) for part in (shape[:axis], shape[axis + 1 :]))
    return outer, shape[axis], inner


def _address(a: np.ndarray | None) -> int | None:
    assert a is None or a.flags.c_contiguous
    return None if a is None else a.ctypes.data


def main() -> None:
    """Runs as many cases as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("library")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--overflow", action="store_true", help="write beyond an array, once")
    arguments = parser.parse_args()
    kernel = Kernel(arguments.library, arguments.threads)
    if arguments.overflow:
        overflow(kernel)
    for number in range(arguments.cases):
        case = random_case(np.random.default_rng([arguments.seed, number]))
        try:
            check(kernel, case)
        except AssertionError as error:
            raise SystemExit(f"case {number} of seed {arguments.seed}: {error}") from None
    print(f"{kernel.target}: {arguments.cases} cases agree")


if __name__ == "__main__":
    main()
