"""Runs random relaxed networks in the kernel alone, against NumPy, without JAX; as kernel_fuzz.py does sorts.

python tests/engines/network_fuzz.py LIBRARY [--cases N] [--seed S] [--threads T]
"""

import argparse
import ctypes
import dataclasses
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.soft.network_oracle import network

KINDS, SIGMOIDS = ("odd_even", "bitonic"), ("logistic", "cauchy", "optimal")
VALUES, COTANGENT, TRANSPOSED, CARRIED_COTANGENT = range(4)  # as in soft_network.h
ROWS = 3  # of a case, held against NumPy


@dataclasses.dataclass
class Case:
    """Rows of a network; the arrays have memory of their own."""

    kind: str
    sigmoid: str
    x: np.ndarray
    steepness: np.ndarray
    count: np.ndarray | None
    cotangent: np.ndarray
    carried: np.ndarray

    def __str__(self) -> str:
        masked = "masked" if self.count is not None else "whole"
        return f"{self.kind}, {self.sigmoid}, {self.x.dtype}{self.x.shape}, {masked}"


class Kernel:
    """The C entry point for networks.

    Attributes:
        target: the instruction set in use.
        network: the entry point.
    """

    def __init__(self, path: str, threads: int):
        library = ctypes.CDLL(path)
        self.network = library.diffsort_soft_network
        self.network.argtypes = [
            *[ctypes.c_int] * 4,
            *[ctypes.c_int64] * 2,
            *[ctypes.c_void_p] * 6,
            ctypes.c_int,
        ]
        library.diffsort_target.restype = ctypes.c_char_p
        self.target = library.diffsort_target().decode()
        self._threads = threads

    def run(self, case: Case, output: int) -> np.ndarray:
        """Returns one of the four outputs.

        Raises:
            MemoryError: the kernel says that it found no memory.
        """
        out = np.empty_like(case.x)
        arrays = (case.x, case.steepness, case.count, case.cotangent, case.carried, out)
        numbers = (KINDS.index(case.kind), SIGMOIDS.index(case.sigmoid), output, case.x.dtype == np.float64)
        addresses = (None if a is None else a.ctypes.data for a in arrays)
        if not self.network(*numbers, *case.x.shape, *addresses, self._threads):
            raise MemoryError(str(case))
        return out


def random_case(random: np.random.Generator) -> Case:
    """Returns any network of any rows: few and many, short and long."""
    shape = tuple(int(random.integers(1, most)) for most in random.permutation([6, 60]))
    dtype = random.choice([np.float32, np.float64])
    x, cotangent, carried = (random.standard_normal(shape).astype(dtype) for _ in range(3))
    if random.random() < 0.3:
        x = np.round(x)  # ties
    steepness = random.uniform(0.2, 30, (shape[0], 1)).astype(dtype)
    count = random.integers(0, shape[1] + 1, (shape[0], 1)).astype(np.int32)
    return Case(
        str(random.choice(KINDS)),
        str(random.choice(SIGMOIDS)),
        *(x, steepness, count if random.random() < 0.5 else None, cotangent, carried),
    )


def check(kernel: Kernel, case: Case) -> None:
    """Holds values and the transposed matrix against NumPy, and cotangents against differences of values.

    Raises:
        AssertionError: they differ.
    """
    values, transposed = (kernel.run(case, output) for output in (VALUES, TRANSPOSED))
    tolerance = 1e-3 if case.x.dtype == np.float32 else 1e-10
    for i in range(min(ROWS, len(case.x))):
        n = case.x.shape[1] if case.count is None else case.count[i, 0]
        expected, matrix = network(case.x[i, :n], case.kind, float(case.steepness[i, 0]), case.sigmoid)
        np.testing.assert_allclose(values[i, :n], expected, atol=tolerance, err_msg=str(case))
        expected = matrix.T @ case.cotangent[i, :n]
        np.testing.assert_allclose(transposed[i, :n], expected, atol=tolerance, err_msg=str(case))
        assert not values[i, n:].any(), case
        assert not transposed[i, n:].any(), case
    if case.sigmoid == "optimal" and len(np.unique(case.x)) < case.x.size:
        return  # whose derivative has corners, which equal elements may hit
    wide = dataclasses.replace(
        case,
        **{
            name: getattr(case, name).astype(np.float64)
            for name in ("x", "steepness", "cotangent", "carried")
        },
    )
    step = 1e-6 * np.cos(np.arange(case.x.size).reshape(case.x.shape))
    more, less = (dataclasses.replace(wide, x=wide.x + s) for s in (step, -step))
    for output, of, weights in (
        (COTANGENT, VALUES, wide.cotangent),
        (CARRIED_COTANGENT, TRANSPOSED, wide.carried),
    ):
        there = np.arange(case.x.shape[1]) < (case.x.shape[1] if case.count is None else case.count)
        slope = ((kernel.run(more, of) - kernel.run(less, of)) / 2 * weights * there).sum(1)
        found = (kernel.run(case, output) * step).sum(1)
        np.testing.assert_allclose(found, slope, rtol=1e-2, atol=1e-7, err_msg=f"output {output} of {case}")


def main() -> None:
    """Runs as many cases as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("library")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    kernel = Kernel(arguments.library, arguments.threads)
    for number in range(arguments.cases):
        check(kernel, random_case(np.random.default_rng([arguments.seed, number])))
    print(f"{kernel.target}: {arguments.cases} cases agree")


if __name__ == "__main__":
    main()
