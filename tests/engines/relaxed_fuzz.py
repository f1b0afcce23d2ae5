"""Isotonic regression and NeuralSort by the kernel alone, on random rows, against NumPy; without JAX.

    python tests/engines/relaxed_fuzz.py LIBRARY [--cases N] [--seed S] [--threads T]

As kernel_fuzz.py, which see.
"""

import argparse
import ctypes

import numpy as np

TYPES = {np.dtype(np.float32): 11, np.dtype(np.float64): 12}  # the numbers of `ElementType` in sort.h
MEAN, DEVIATION, LAST = range(3)


def address(a: np.ndarray | None) -> ctypes.c_void_p:
    """What the kernel is given for an array."""
    return ctypes.c_void_p(None if a is None else a.ctypes.data)


def check_blocks(
    library: ctypes.CDLL, random: np.random.Generator, shape: tuple[int, int], threads: int
) -> None:
    """Holds the blocks against what they are, and means over them against NumPy's.

    Raises:
        AssertionError: they differ.
    """
    dtype = random.choice(list(TYPES))
    rows, n = map(ctypes.c_int64, shape)
    z, w = (
        np.sort(random.normal(size=shape) * scale).astype(dtype) for scale in (random.choice([0.1, 1, 9]), 1)
    )
    first, out = np.empty(shape, np.uint8), np.empty(shape, dtype)
    for entropic in (1, 0):
        arguments = (TYPES[dtype], rows, n, *map(address, (z, w, first)), entropic, threads)
        assert library.diffsort_blocks(*arguments)
        assert np.all(first[:, :1] == 1)
    for what in (MEAN, DEVIATION, LAST):
        arguments = (TYPES[dtype], rows, n, *map(address, (z, first, out)), what, threads)
        assert library.diffsort_within_blocks(*arguments)
        for given, begins, found in zip(z.astype(float), first, out, strict=True):
            parts = np.split(given, np.flatnonzero(begins)[1:])
            means = np.concatenate([np.full(p.size, p.mean()) for p in parts])
            last = np.concatenate([np.full(p.size, p[-1]) for p in parts])
            expected = {MEAN: means, DEVIATION: given - means, LAST: last}[what]
            np.testing.assert_allclose(found, expected, atol=1e-5)
    for y, begins in zip(z.astype(float) - w, first, strict=True):
        parts = np.split(y, np.flatnonzero(begins)[1:])
        assert np.all(np.diff([p.mean() for p in parts]) > -1e-5)
        for part in parts:  # no block begins with less than its mean
            assert np.all(np.cumsum(part - part.mean()) > -1e-5 * n.value)


def check_neuralsort(
    library: ctypes.CDLL, random: np.random.Generator, shape: tuple[int, int], threads: int
) -> None:
    """Holds NeuralSort against its matrix, and its derivatives against differences.

    Raises:
        AssertionError: they differ.
    """
    dtype = random.choice(list(TYPES))
    rows, n = map(ctypes.c_int64, shape)
    gaps = (random.exponential(size=shape) * random.choice([0.01, 1, 100])).astype(dtype)
    gaps[random.random(shape) < 0.1] = np.inf
    u, cotangent, along = (random.normal(size=shape).astype(dtype) for _ in range(3))
    along = np.where((gaps > 1e-3) & (gaps < 50), along, 0)
    along[:, 0] = 0

    def run(transposed: bool, gaps: np.ndarray, cotangent: np.ndarray | None) -> np.ndarray:
        out = np.empty(shape, gaps.dtype)
        flags = (transposed, cotangent is not None, gaps.dtype == np.float64)
        weights = u.astype(gaps.dtype) if transposed else None
        operands = map(address, (gaps, weights, cotangent, out))
        assert library.diffsort_neuralsort(*map(int, flags), rows, n, *operands, threads)
        return out

    for transposed in (False, True):
        found = run(transposed, gaps, None)
        for row, given, weights in zip(found, gaps.astype(float), u.astype(float), strict=True):
            matrix, distance = definition(np.minimum(given, 100))
            expected = matrix.T @ weights if transposed else np.sum(matrix * distance, 1)
            np.testing.assert_allclose(row, expected, atol=1e-3 if dtype == np.float32 else 1e-9)
        slope = np.sum(run(transposed, gaps, cotangent) * along)
        ahead, behind = (run(transposed, gaps.astype(float) + s * along, None) for s in (1e-6, -1e-6))
        difference = np.sum((ahead - behind) / 2e-6 * cotangent)
        np.testing.assert_allclose(slope, difference, rtol=1e-2, atol=1e-3 * np.prod(shape))


def definition(gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matrix, and how far elements are above the one of the rank."""
    s = np.cumsum(np.append(0, gaps[1:]))
    r, n = np.arange(s.size)[:, None], s.size
    logits = (2 * r + 1 - n) * s - np.sum(np.abs(s[:, None] - s), axis=0)
    weights = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    return weights / np.sum(weights, axis=1, keepdims=True), s - s[:, None]


def main() -> None:
    """Runs as many cases as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("library")
    for name, default in {"cases": 1000, "seed": 0, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    library = ctypes.CDLL(arguments.library)
    for number in range(arguments.cases):
        random = np.random.default_rng([arguments.seed, number])
        shape = (int(random.integers(1, 8)), int(random.integers(1, random.choice([8, 60, 300]))))
        try:
            check_blocks(library, random, shape, arguments.threads)
            check_neuralsort(library, random, shape, arguments.threads)
        except AssertionError as error:
            raise SystemExit(f"case {number} of seed {arguments.seed}, {shape}: {error}") from None
    print(f"{arguments.cases} cases agree")


if __name__ == "__main__":
    main()
