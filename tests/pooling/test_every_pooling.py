"""What holds for every function that pools a set."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.layer_cases import POOLS, weighted
from tests.oracles import assert_same_bits
from tests.pooling.sets import masks, sets

Pool = Callable[..., jax.Array]


@pytest.fixture(params=POOLS, ids=str)
def pool(request: pytest.FixtureRequest) -> Pool:
    return POOLS[request.param]


@functools.partial(jax.jit, static_argnums=0)
def value_and_gradient(pool: Pool, x: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
    def loss(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        y = pool(x, mask)
        return weighted(y), y

    gradient, y = jax.grad(loss, has_aux=True)(x)
    return y, gradient


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e30])
def test_masked_garbage_changes_no_bit(pool: Pool, garbage: float) -> None:
    x, mask = sets(), masks()
    clean = value_and_gradient(pool, np.where(mask[..., None], x, np.float32(0)), mask)
    dirty = value_and_gradient(pool, np.where(mask[..., None], x, np.float32(garbage)), mask)
    for a, b in zip(dirty, clean, strict=True):
        assert_same_bits(a, b)
    y, gradient = map(np.asarray, dirty)
    assert not gradient[~mask].any()
    assert not y[0].any()  # the empty set


def test_a_nan_that_a_mask_hides_is_none_of_ours(pool: Pool) -> None:
    """Not without jit either, where JAX looks at every step of an eager gradient."""
    x, mask = jnp.asarray(np.where(masks()[..., None], sets(), np.float32(np.nan))), jnp.asarray(masks())
    with jax.debug_nans(True):
        y, pull_back = jax.vjp(lambda x: pool(x, mask), x)
        (gradient,) = pull_back(jnp.ones_like(y))
    assert np.isfinite(y).all()
    assert np.isfinite(gradient).all()


def test_order_of_the_points_changes_no_bit(pool: Pool) -> None:
    x, mask = sets(), masks()
    shuffled = np.random.default_rng(3).permutation(x.shape[1])
    y, gradient = value_and_gradient(pool, x, mask)
    y2, gradient2 = value_and_gradient(pool, x[:, shuffled], mask[:, shuffled])
    np.testing.assert_array_equal(y, y2)
    np.testing.assert_array_equal(gradient[:, shuffled], gradient2)


def test_mask_is_slicing(pool: Pool) -> None:
    x = sets()
    mask = np.broadcast_to(np.arange(9) < 5, (4, 9))
    np.testing.assert_allclose(pool(x, mask), pool(x[:, :5]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pool(x, mask[0]), pool(x, mask), rtol=1e-6)
    np.testing.assert_allclose(pool(x), pool(x, np.ones((4, 9), bool)), rtol=1e-5, atol=1e-6)


def test_batches_of_any_rank(pool: Pool) -> None:
    x, mask = sets(shape=(2, 2, 9, 3)), masks(shape=(4, 9)).reshape(2, 2, 9)
    flat = pool(x.reshape(4, 9, 3), mask.reshape(4, 9))
    np.testing.assert_array_equal(pool(x, mask).reshape(flat.shape), flat)
    near = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(jax.vmap(jax.vmap(pool))(x, mask).reshape(flat.shape), flat, **near)
    np.testing.assert_allclose(pool(x[0, 1], mask[0, 1]), flat[1], **near)


def test_jit_gives_the_bits_of_an_eager_call(pool: Pool) -> None:
    x, mask = sets(), masks()
    assert_same_bits(jax.jit(pool)(x, mask), pool(x, mask))
    assert_same_bits(jax.jit(pool)(x), pool(x))


def test_sets_without_points(pool: Pool) -> None:
    value, gradient = value_and_gradient(pool, np.zeros((4, 0, 3), np.float32), np.zeros((4, 0), bool))
    assert not np.asarray(value).any()
    assert gradient.shape == (4, 0, 3)
    assert not np.asarray(pool(np.zeros((4, 0, 3), np.float32))).any()


def test_second_derivatives_are_finite_differences(pool: Pool) -> None:
    with jax.enable_x64(True):
        x, mask = sets().astype(np.float64)[1:3, :5], masks()[1:3, :5]
        along = np.random.default_rng(4).normal(size=x.shape)

        @jax.jit
        def gradient(x: jax.Array) -> jax.Array:
            return jax.grad(lambda x: jnp.sum(jnp.sin(pool(x, mask))))(x)

        _, tangent = jax.jvp(gradient, (x,), (along,))
        difference = (gradient(x + 1e-6 * along) - gradient(x - 1e-6 * along)) / 2e-6
        np.testing.assert_allclose(tangent, difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtype_is_kept(pool: Pool, dtype: str) -> None:
    narrow = pool(sets().astype(dtype), masks())
    assert narrow.dtype == dtype
    wide = pool(sets().astype(dtype).astype(np.float32), masks())
    np.testing.assert_allclose(narrow.astype(np.float32), wide, rtol=0.05, atol=0.1)
