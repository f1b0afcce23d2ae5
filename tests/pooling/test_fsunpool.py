"""FSUnpool against its definition, and as the inverse of FSPool's sorting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.pooling import featurewise_sort_pool, featurewise_sort_unpool
from tests.oracles import assert_same_bits
from tests.pooling.sets import everything, masks, sets

KNOTS = np.random.default_rng(2).normal(size=(3, 5)).astype(np.float32)
FEATURES = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)


def greatest_first(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Where the greatest stood, the second, ...; masked elements at the end."""
    return np.argsort(np.where(mask[..., None], -x, np.inf), -2, kind="stable").astype(np.int32)


def by_definition(y: np.ndarray, knots: np.ndarray, indices: np.ndarray, mask: np.ndarray) -> np.ndarray:
    out = np.zeros(indices.shape)
    grid = np.linspace(0, 1, knots.shape[1])
    for b in range(indices.shape[0]):
        n = mask[b].sum()
        for c in range(indices.shape[2]):
            for k in range(n):
                weight = np.interp(k / max(n - 1, 1), grid, knots[c].astype(np.float64))
                out[b, indices[b, k, c], c] = weight * y[b, c]
    return out


@pytest.mark.parametrize("masked", [False, True])
def test_the_definition(masked: bool) -> None:
    x = sets()
    mask = masks() if masked else everything(x)
    indices = greatest_first(x, mask)
    actual = featurewise_sort_unpool(FEATURES, KNOTS, indices, where=mask if masked else None)
    np.testing.assert_allclose(actual, by_definition(FEATURES, KNOTS, indices, mask), rtol=1e-5, atol=1e-6)
    assert not np.asarray(actual)[~mask].any()


def test_it_puts_back_what_fspool_sorted() -> None:
    """The unpooled set is ordered as the pooled one was, where the weights fall with the rank."""
    x, mask = sets(), masks()
    falling = np.tile(np.linspace(1, -1, 5, dtype=np.float32), (3, 1))
    _, indices = featurewise_sort_pool(x, falling, where=mask, return_indices=True)
    unpooled = np.asarray(featurewise_sort_unpool(np.ones((4, 3), np.float32), falling, indices, where=mask))
    for b in range(4):
        np.testing.assert_array_equal(np.argsort(x[b, mask[b]], 0), np.argsort(unpooled[b, mask[b]], 0))


def test_pooling_is_its_transpose() -> None:
    """⟨pool(x), y⟩ = ⟨x, unpool(y)⟩ with the permutation of x."""
    x, mask = sets(), masks()
    pooled, indices = featurewise_sort_pool(x, KNOTS, where=mask, return_indices=True)
    unpooled = featurewise_sort_unpool(FEATURES, KNOTS, indices, where=mask)
    left = np.sum(np.asarray(pooled) * FEATURES, -1)
    right = np.sum(x * np.asarray(unpooled), (-2, -1))
    np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


def test_what_an_empty_set_was_pooled_to_reaches_nothing() -> None:
    features = FEATURES.copy()
    features[0] = np.nan  # masks()[0] is empty
    indices, mask = greatest_first(sets(), masks()), masks()

    def loss(features: jax.Array, knots: jax.Array) -> jax.Array:
        return jnp.sum(featurewise_sort_unpool(features, knots, indices, where=mask) ** 2)

    value, (by_features, by_knots) = jax.value_and_grad(loss, (0, 1))(features, KNOTS)
    assert np.isfinite(value)
    assert np.isfinite(by_knots).all()
    assert not np.asarray(by_features)[0].any()


def test_shapes() -> None:
    indices, mask = greatest_first(sets(), masks()), masks()
    flat = featurewise_sort_unpool(FEATURES, KNOTS, indices, where=mask)
    deep = featurewise_sort_unpool(
        FEATURES.reshape(2, 2, 3), KNOTS, indices.reshape(2, 2, 9, 3), where=mask.reshape(2, 2, 9)
    )
    assert_same_bits(deep.reshape(flat.shape), flat)
    for b in range(4):
        one = featurewise_sort_unpool(FEATURES[b], KNOTS, indices[b], where=mask[b])
        np.testing.assert_allclose(one, flat[b], rtol=1e-6)
    assert featurewise_sort_unpool(FEATURES, KNOTS, np.zeros((4, 0, 3), int)).shape == (4, 0, 3)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtype_is_kept(dtype: str) -> None:
    indices = greatest_first(sets(), everything(sets()))
    assert featurewise_sort_unpool(FEATURES.astype(dtype), KNOTS.astype(dtype), indices).dtype == dtype
