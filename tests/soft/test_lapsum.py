"""LapSum: against the sum of distributions that it inverts, and the kernel against JAX."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort import engines
from diffsort.soft import LapSum
from diffsort.soft.lapsum import _offsets

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(5, 17))
X[0, 3] = X[0, 5]
WHERE = RANDOM.random(X.shape) < 0.7
WHERE[4] = False


def laplace(t: np.ndarray) -> np.ndarray:
    tail = np.exp(-np.abs(t)) / 2
    return np.where(t < 0, tail, 1 - tail)


def lapsum(y: np.ndarray, x: np.ndarray, temperature: float) -> np.ndarray:
    return laplace((y[:, None] - x[None, :]) / temperature).sum(1)


def quantile(x: np.ndarray, target: float, temperature: float) -> float:
    """Where the sum is `target`, by halving."""
    low, high = x.min() - 50 * temperature, x.max() + 50 * temperature
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if lapsum(np.array([middle]), x, temperature)[0] < target else (low, middle)
        )
    return low


@pytest.mark.parametrize("temperature", [0.01, 0.3, 10.0])
def test_it_is_its_definition(temperature: float) -> None:
    with jax.enable_x64(True):
        method = {"where": WHERE, "implementation": LapSum(temperature)}
        ops = (diffsort.sort, diffsort.soft_rank, diffsort.soft_permutation)
        values, ranks, matrices = (np.asarray(op(X, **method)) for op in ops)
        masks = np.asarray(diffsort.top_k_mask(X, 3, **method))
    for i, (row, where) in enumerate(zip(X, WHERE, strict=True)):
        n, x = where.sum(), row[where]
        np.testing.assert_allclose(lapsum(values[i, :n], x, temperature), np.arange(n) + 0.5, atol=1e-11)
        np.testing.assert_allclose(ranks[i, where], lapsum(x, x, temperature) - 0.5, atol=1e-11)
        if not n:
            continue
        bounds = np.array([-np.inf, *(quantile(x, k, temperature) for k in range(1, n)), np.inf])
        passed = laplace((bounds[:, None] - x[None, :]) / temperature)
        np.testing.assert_allclose(matrices[i][:n, where], np.diff(passed, axis=0), atol=1e-10)
        np.testing.assert_allclose(masks[i, where], 1 - passed[n - 3], atol=1e-10)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("scale", [0.02, 1.0, 50.0])
def test_the_kernel_computes_what_jax_does(scale: float, half: bool) -> None:
    weights = np.sin(np.arange(85.0)).reshape(5, 17)
    with jax.enable_x64(True):
        gap = jnp.asarray(scale * RANDOM.exponential(size=(5, 17)))
        count = jnp.asarray([[17], [16], [3], [1], [0]], jnp.int32)
        found = []
        for engine in (engines.BEST, engines.ENGINES["xla"]):
            solve = functools.partial(_offsets, half=half, engine=engine)
            values, pull_back = jax.vjp(lambda gap, solve=solve: solve(gap, count), gap)
            found.append((values, pull_back(weights)[0]))
    for kernel, jax_ in zip(*found, strict=True):
        np.testing.assert_allclose(kernel, jax_, rtol=1e-9, atol=1e-9)
