"""What relaxed sorts ask of the kernel, by the kernel alone, on random rows, against NumPy; without JAX.

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


def check_recurrence(
    library: ctypes.CDLL, random: np.random.Generator, shape: tuple[int, int], threads: int
) -> None:
    """Holds the recurrence against a loop.

    Raises:
        AssertionError: they differ.
    """
    dtype = random.choice(list(TYPES))
    rows, n = map(ctypes.c_int64, shape)
    a, b = random.uniform(-1, 1, shape).astype(dtype), random.normal(size=shape).astype(dtype)
    for reverse in (0, 1):
        out, expected, last = np.empty(shape, dtype), np.empty(shape), np.zeros(shape[0])
        assert library.diffsort_recurrence(
            TYPES[dtype], rows, n, *map(address, (a, b, out)), reverse, threads
        )
        for k in range(shape[1])[:: -1 if reverse else 1]:
            expected[:, k] = last = a[:, k] * last + b[:, k]
        np.testing.assert_allclose(out, expected, atol=1e-4)


def check_lapsum(
    library: ctypes.CDLL, random: np.random.Generator, shape: tuple[int, int], threads: int
) -> None:
    """Holds LapSum's inverse against the sum that it inverts, and its derivative against differences.

    Raises:
        AssertionError: they differ.
    """
    dtype = random.choice(list(TYPES))
    rows, n = map(ctypes.c_int64, shape)
    gaps = (random.exponential(size=shape) * random.choice([0.01, 1, 30])).astype(dtype)
    gaps[random.random(shape) < 0.1] = 1e30
    counts = random.integers(0, shape[1] + 1, shape[0]).astype(np.int32)
    cotangent, along = (random.normal(size=shape).astype(dtype) for _ in range(2))
    along = np.where((gaps > 1e-3) & (gaps < 600) & (np.arange(shape[1]) > 0), along, 0)

    def run(gaps: np.ndarray, half: int, cotangent: np.ndarray | None) -> np.ndarray:
        out = np.empty(shape, gaps.dtype)
        given = map(address, (gaps, counts)), map(address, (cotangent, out))
        assert library.diffsort_lapsum(TYPES[gaps.dtype], rows, n, *given[0], half, *given[1], threads)
        return out

    for half in (0, 1):
        found = run(gaps, half, None)
        for row, given, count in zip(found, gaps.astype(float), counts, strict=True):
            s = np.cumsum(np.append(0, np.minimum(given[1:count], 1500)))
            if count:
                y = s + np.where(np.arange(count) > 0, np.maximum(row[:count], -750), row[:count])
                tail = np.exp(-np.abs(y[:, None] - s)) / 2
                total = np.sum(np.where(y[:, None] < s, tail, 1 - tail), 1)
                np.testing.assert_allclose(
                    total[1 - half :], np.arange(count)[1 - half :] + half / 2, atol=1e-2
                )
            assert not np.any(row[count:])
        slope = np.sum(run(gaps, half, cotangent) * along)
        ahead, behind = (run(gaps.astype(float) + s * along, half, None) for s in (1e-6, -1e-6))
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
            check_recurrence(library, random, shape, arguments.threads)
            check_lapsum(library, random, shape, arguments.threads)
        except AssertionError as error:
            raise SystemExit(f"case {number} of seed {arguments.seed}, {shape}: {error}") from None
    print(f"{arguments.cases} cases agree")


if __name__ == "__main__":
    main()
