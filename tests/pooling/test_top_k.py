"""Top-k pooling against its definition, and what the length of its projection does: nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.pooling import top_k_pool
from tests.layer_cases import weighted
from tests.oracles import assert_same_bits
from tests.pooling.sets import everything, masks, sets

P = np.array([0.5, -2.0, 1.0], np.float32)


def by_definition(x: np.ndarray, p: np.ndarray, k: int, mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """Points, where they stood, and their scores, in float64."""
    x, p = x.astype(np.float64), p.astype(np.float64)
    out, indices = np.zeros((x.shape[0], k, x.shape[2])), np.full((x.shape[0], k), -1)
    scores = np.zeros(indices.shape)
    for b in range(x.shape[0]):
        scored = [(float(x[b, i] @ p / np.sqrt(p @ p)), i) for i in np.flatnonzero(mask[b])]
        scored.sort(key=lambda pair: -pair[0])
        for j, (score, i) in enumerate(scored[:k]):
            out[b, j], indices[b, j], scores[b, j] = np.tanh(score) * x[b, i], i, score
    return out, indices, scores


@pytest.mark.parametrize("k", [1, 5, 9, 12])
def test_the_definition(k: int) -> None:
    x, mask = sets(), masks()
    for where, valid in ((mask, mask), (None, everything(x))):
        pooled, indices, scores = top_k_pool(x, P, k, where=where, return_indices=True)
        expected = by_definition(x, P, k, valid)
        np.testing.assert_allclose(pooled, expected[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(indices, expected[1])
        np.testing.assert_allclose(scores, expected[2], rtol=1e-4, atol=1e-6)
        assert indices.dtype == np.int32
        assert_same_bits(top_k_pool(x, P, k, where=where), pooled)


def test_what_a_mask_hides_is_no_score_and_no_index() -> None:
    x, mask = sets(), masks()

    @jax.jit
    def scores_and_gradient(x: jax.Array) -> tuple[jax.Array, ...]:
        def loss(x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
            _, indices, scores = top_k_pool(x, P, 6, where=mask, return_indices=True)
            return weighted(scores), (indices, scores)

        gradient, found = jax.grad(loss, has_aux=True)(x)
        return (gradient, *found)

    dirty, clean = (
        scores_and_gradient(np.where(mask[..., None], x, np.float32(hidden))) for hidden in (np.nan, 0)
    )
    for a, b in zip(dirty, clean, strict=True):
        assert_same_bits(a, b)
    gradient, indices, scores = map(np.asarray, clean)
    np.testing.assert_array_equal(gradient.any(-1), _kept(indices, x.shape[1]))
    assert not scores[indices < 0].any()


def _kept(indices: np.ndarray, n: int) -> np.ndarray:
    """Which of n points stand in the result."""
    return (indices[..., None] == np.arange(n)).any(-2)


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
