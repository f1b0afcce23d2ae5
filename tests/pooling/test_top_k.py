"""Top-k pooling against its definition, and what the length of its projection does: nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.pooling import top_k_pool
from tests.pooling.sets import everything, masks, sets

P = np.array([0.5, -2.0, 1.0], np.float32)


def by_definition(x: np.ndarray, p: np.ndarray, k: int, mask: np.ndarray) -> np.ndarray:
    x, p = x.astype(np.float64), p.astype(np.float64)
    out = np.zeros((x.shape[0], k, x.shape[2]))
    for b in range(x.shape[0]):
        scored = [(float(row @ p / np.sqrt(p @ p)), row) for row in x[b, mask[b]]]
        scored.sort(key=lambda pair: -pair[0])
        for j, (score, row) in enumerate(scored[:k]):
            out[b, j] = np.tanh(score) * row
    return out


@pytest.mark.parametrize("k", [1, 5, 9, 12])
def test_the_definition(k: int) -> None:
    x, mask = sets(), masks()
    pooled = top_k_pool(x, P, k, where=mask)
    np.testing.assert_allclose(pooled, by_definition(x, P, k, mask), rtol=1e-4, atol=1e-6)
    whole = top_k_pool(x, P, k)
    np.testing.assert_allclose(whole, by_definition(x, P, k, everything(x)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("length", [1e-36, 1e-5, 1e30])
def test_the_length_of_the_projection_does_not_count(length: float) -> None:
    expected = top_k_pool(sets(), P, 4)
    actual = top_k_pool(sets(), P * np.float32(length), 4)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda p: jnp.sum(top_k_pool(sets(), p, 4)))
    along = np.sum(np.asarray(gradient(P)) * P)
    np.testing.assert_allclose(along, 0, atol=1e-4)
    np.testing.assert_allclose(gradient(P * np.float32(1e-5)) * 1e-5, gradient(P), rtol=1e-4, atol=1e-4)


def test_a_projection_of_zero() -> None:
    def pool(x: jax.Array, p: jax.Array) -> jax.Array:
        return top_k_pool(x, p, 4, where=masks())

    zero = jnp.zeros(3)
    assert not np.asarray(pool(sets(), zero)).any()
    by_x, by_p = jax.grad(lambda x, p: jnp.sum(pool(x, p)), (0, 1))(sets(), zero)
    assert not np.asarray(by_x).any()
    assert np.isfinite(by_p).all()
    assert np.asarray(by_p).any()  # it can learn away from there


def test_equal_scores_stay_in_input_order() -> None:
    x = np.stack([np.ones(5), np.arange(5)], -1).astype(np.float32)
    kept = np.asarray(top_k_pool(x, np.array([1, 0], np.float32), 3))
    np.testing.assert_allclose(kept, np.tanh(1) * x[:3], rtol=1e-6)
