"""PSWE against its definition: sorted, interpolated, put in the order of the reference, weighed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.interpolate

from diffsort.initializers import evenly_spaced, identity_or_normal
from diffsort.pooling import sliced_wasserstein_pool
from tests.pooling.sets import everything, masks, sets

RANDOM = np.random.default_rng(5)
SLICES = 4
AXES = np.eye(3, dtype=np.float32)
THETA = RANDOM.normal(size=(3, SLICES)).astype(np.float32)


def reference(points: int, ordered: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Reference and weights."""
    r, w = np.random.default_rng(points).normal(size=(2, points, SLICES)).astype(np.float32)
    return np.sort(r, 0) if ordered else r, w


def quantiles_of(z: np.ndarray, points: int) -> np.ndarray:
    """At k/(points + 1) of sorted elements that stand at i/(n + 1); the outermost pieces go on."""
    at, wanted = (np.linspace(0, 1, m + 2)[1:-1] for m in (z.size, points))
    if z.size == 1:
        return np.full(points, z[0])
    return scipy.interpolate.interp1d(at, np.sort(z), fill_value="extrapolate")(wanted)


def by_definition(
    x: np.ndarray, theta: np.ndarray, r: np.ndarray, w: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    x, theta, r, w = (a.astype(np.float64) for a in (x, theta, r, w))
    out = np.zeros((len(x), theta.shape[1]))
    for b in range(len(x)):
        for slice_ in range(theta.shape[1]):
            if not mask[b].any():
                continue
            direction = theta[:, slice_] / np.linalg.norm(theta[:, slice_])
            quantiles = quantiles_of(x[b, mask[b]] @ direction, len(r))
            for m in range(len(r)):
                rank = np.sum(r[:, slice_] < r[m, slice_])
                out[b, slice_] += w[m, slice_] * (r[m, slice_] - quantiles[rank])
    return out


@pytest.mark.parametrize("points", [1, 2, 5, 9, 20])
def test_the_definition(points: int) -> None:
    x, mask = sets(), masks()
    r, w = reference(points)
    pooled = sliced_wasserstein_pool(x, THETA, r, w, where=mask)
    np.testing.assert_allclose(pooled, by_definition(x, THETA, r, w, mask), rtol=1e-4, atol=1e-5)
    whole = sliced_wasserstein_pool(x, THETA, r, w)
    np.testing.assert_allclose(whole, by_definition(x, THETA, r, w, everything(x)), rtol=1e-4, atol=1e-5)


def test_a_set_that_is_the_reference_is_no_distance_away() -> None:
    x = sets()[0]
    for order in (slice(None), slice(None, None, -1), RANDOM.permutation(9)):
        pooled = sliced_wasserstein_pool(
            x, np.eye(3, dtype=np.float32), x[order], np.ones((9, 3), np.float32)
        )
        np.testing.assert_allclose(pooled, 0, atol=1e-6)


def test_moves_of_a_shifted_set_are_the_shift() -> None:
    """One weight at a time, whatever the order of the reference."""
    x = sets()[0]
    r = x[RANDOM.permutation(9)]
    for m in range(9):
        w = np.zeros((9, 3), np.float32)
        w[m] = 1
        pooled = sliced_wasserstein_pool(x + np.float32(0.5), AXES, r, w)
        np.testing.assert_allclose(pooled, -0.5, rtol=1e-5)


def test_length_of_a_direction_does_not_count_and_zero_is_finite() -> None:
    r, w = reference(5)
    expected = sliced_wasserstein_pool(sets(), THETA, r, w)
    scaled = sliced_wasserstein_pool(sets(), THETA * np.float32(1e-25), r, w)
    np.testing.assert_allclose(scaled, expected, rtol=1e-4, atol=1e-5)
    gradient = jax.grad(lambda theta: jnp.sum(sliced_wasserstein_pool(sets(), theta, r, w)))
    assert np.isfinite(gradient(jnp.zeros_like(THETA))).all()


def test_parameters_begin_as_the_authors_have_them() -> None:
    key = jax.random.key(0)
    np.testing.assert_array_equal(identity_or_normal(key, (5, 3)), np.eye(5, 3))
    many = np.asarray(identity_or_normal(key, (5, 400)))
    assert 0.9 < many.std() < 1.1
    r = evenly_spaced(key, (7, 3))
    np.testing.assert_allclose(r, np.linspace(-1, 1, 7)[:, None] * np.ones(3), atol=1e-6)
