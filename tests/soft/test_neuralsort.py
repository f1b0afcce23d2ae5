"""NeuralSort: against the matrix of its definition, and the kernel against plain JAX."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort import engines
from diffsort.soft import NeuralSort, neuralsort
from tests.soft.finite_differences import assert_derivatives

RANDOM = np.random.default_rng(0)
N = 19
X = RANDOM.normal(size=(4, N)) * np.array([[0.1], [1.0], [1.0], [10.0]])
X[:, 3] = X[:, 8]  # a tie
WHERE = RANDOM.random((4, N)) < 0.6
TEMPERATURES = (0.01, 0.3, 20.0)
IN_XLA = engines.ENGINES["xla"]

OPS: dict[str, Callable[..., jax.Array]] = {
    "sort": diffsort.sort,
    "soft_rank": diffsort.soft_rank,
    "soft_permutation": diffsort.soft_permutation,
}


def definition(x: np.ndarray, temperature: float) -> np.ndarray:
    """The matrix as the paper has it, where k counts from the greatest; here from the least."""
    n = x.size
    k = n - np.arange(n)[:, None]
    logits = ((n + 1 - 2 * k) * x - np.sum(np.abs(x[:, None] - x), axis=0)) / temperature
    weights = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    return weights / np.sum(weights, axis=1, keepdims=True)


EXPECTED: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "sort": lambda matrix, x: matrix @ x,
    "soft_rank": lambda matrix, x: matrix.T @ np.arange(x.size),
    "soft_permutation": lambda matrix, _: matrix,
}


@pytest.mark.parametrize("op", OPS)
def test_it_is_the_definition(op: str) -> None:
    with jax.enable_x64(True):
        compute = jax.jit(lambda x, temperature: OPS[op](x, implementation=NeuralSort(temperature)))
        for temperature in TEMPERATURES:
            expected = [EXPECTED[op](definition(x, temperature), x) for x in X]
            np.testing.assert_allclose(compute(X, temperature), expected, rtol=1e-10, atol=1e-10)


def test_derivatives_are_finite_differences() -> None:
    def compute(inputs: jax.Array) -> jax.Array:  # of the elements, and of the temperature
        x, method = inputs[:-1], NeuralSort(inputs[-1])
        return jnp.concatenate([op(x, implementation=method) for op in (diffsort.sort, diffsort.soft_rank)])

    with jax.enable_x64(True):
        x = np.random.default_rng(1).normal(size=6)
        assert_derivatives(compute, np.append(x, 0.8), 1e-6)


@pytest.mark.parametrize("op", ["sort", "soft_permutation", "top_k_mask"])
def test_masked_elements_take_no_part(op: str) -> None:
    function = OPS.get(op, lambda x, **options: diffsort.top_k_mask(x, 3, **options))
    with jax.enable_x64(True):
        method = NeuralSort(0.7)
        held = np.where(WHERE, X, np.nan)
        masked, pull_back = jax.vjp(lambda x: function(x, where=WHERE, implementation=method), held)
        (gradient,) = pull_back(jnp.cos(jnp.arange(masked.size, dtype=masked.dtype)).reshape(masked.shape))
        assert np.all(np.asarray(gradient)[~WHERE] == 0)
        assert np.all(np.isfinite(gradient))
        # The first row alone: each is of another length.
        where = WHERE[0]
        alone = function(X[0, where], implementation=method)
        kept = masked[0, : len(alone)] if op in ("sort", "soft_permutation") else masked[0, where]
        kept = kept[:, where] if op == "soft_permutation" else kept
        np.testing.assert_allclose(kept, alone, atol=1e-10)


def both(
    gap: np.ndarray, cotangent: np.ndarray, *u: np.ndarray, engine: engines.Engine
) -> tuple[jax.Array, jax.Array]:
    """What the kernel computes of the gaps, and its derivative."""

    def compute(gap: jax.Array) -> jax.Array:
        return neuralsort._bands(gap, *u, transposed=bool(u), engine=engine)

    found, pull_back = jax.vjp(compute, gap)
    return found, pull_back(cotangent)[0]


@pytest.mark.parametrize("dtype", [pytest.param(np.float32, marks=pytest.mark.slow), np.float64])
def test_the_kernel_computes_what_plain_jax_computes(
    dtype: type[np.floating], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neuralsort, "_TILE", 1000)  # two tiles, the last of which is not full
    n, eps = 27, np.finfo(dtype).eps
    with jax.enable_x64(True):
        run = jax.jit(both, static_argnames="engine")
        for scale in (0.001, 0.3, 40.0):
            gap = np.minimum(RANDOM.exponential(size=(2, n)) * scale, 80).astype(dtype)
            gap[:, 0] = 0
            u, cotangent = (RANDOM.normal(size=(2, n)).astype(dtype) for _ in range(2))
            for others in ((), (u,)):
                natively = run(gap, cotangent, *others, engine=engines.BEST)
                portably = run(gap, cotangent, *others, engine=IN_XLA)
                for one, other in zip(natively, portably, strict=True):
                    np.testing.assert_allclose(
                        one, other, rtol=200 * eps, atol=200 * eps * np.max(np.abs(other))
                    )


def test_a_long_row_is_shared_between_threads() -> None:
    x = np.random.default_rng(2).normal(size=2000)
    with jax.enable_x64(True):
        found = diffsort.sort(x, implementation=NeuralSort(0.05))
        matrix = definition(x, 0.05)
        np.testing.assert_allclose(found, matrix @ x, atol=1e-8)  # whose logits cancel
        ranks, pull_back = jax.vjp(lambda x: diffsort.soft_rank(x, implementation=NeuralSort(0.05)), x)
        np.testing.assert_allclose(ranks, matrix.T @ np.arange(x.size), rtol=1e-7)
        # All ranks rise by nothing when all elements do.
        (gradient,) = pull_back(jnp.ones(x.size))
        np.testing.assert_allclose(jnp.sum(gradient), 0, atol=1e-8 * np.max(np.abs(gradient)))


def test_extreme_elements() -> None:
    x = np.array([np.inf, 2, -np.inf, 1e20, -1e20, np.inf, 1e-20, 0], np.float32)
    ranks, pull_back = jax.vjp(lambda x: diffsort.soft_rank(x, implementation=NeuralSort(0.1)), x)
    assert np.all(np.isfinite(ranks))
    assert np.all(np.isfinite(pull_back(jnp.arange(8, dtype=jnp.float32))[0]))
    found = diffsort.sort(x, implementation=NeuralSort(0.001))
    np.testing.assert_allclose(found, np.sort(x), rtol=1e-6, atol=1e-19)
