"""What holds for every pooling function."""

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest

from diffsort.pooling import featurewise_sort_pool, sort_pool
from tests.pooling.sets import masks, sets

POOLS = {
    "fspool": lambda x, where=None: featurewise_sort_pool(
        x, jnp.sin(jnp.arange(15, dtype=x.dtype)).reshape(3, 5), where=where
    ),
    "sort_pool": lambda x, where=None: sort_pool(x, 6, where=where),
}


@pytest.fixture(params=POOLS, ids=str)
def pool(request):
    return POOLS[request.param]


def value_and_gradient(pool, x, mask):
    def weighted(x):
        y = pool(x, mask)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)), y

    gradient, y = jax.grad(weighted, has_aux=True)(x)
    return np.asarray(y), np.asarray(gradient)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 1e30])
def test_masked_garbage_changes_no_bit(pool, garbage):
    x, mask = sets(), masks()
    clean = value_and_gradient(pool, np.where(mask[..., None], x, np.float32(0)), mask)
    dirty = value_and_gradient(pool, np.where(mask[..., None], x, np.float32(garbage)), mask)
    for a, b in zip(clean, dirty, strict=True):
        np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))
    assert not dirty[1][~mask].any()
    assert not dirty[0][0].any()  # the empty set


def test_order_of_the_points_changes_no_bit(pool):
    x, mask = sets(), masks()
    shuffled = np.random.default_rng(3).permutation(x.shape[1])
    y, gradient = value_and_gradient(pool, x, mask)
    y2, gradient2 = value_and_gradient(pool, x[:, shuffled], mask[:, shuffled])
    np.testing.assert_array_equal(y, y2)
    np.testing.assert_array_equal(gradient[:, shuffled], gradient2)


def test_mask_is_slicing(pool):
    x = sets()
    mask = np.broadcast_to(np.arange(9) < 5, (4, 9))
    np.testing.assert_allclose(pool(x, mask), pool(x[:, :5]), rtol=1e-6, atol=1e-6)


def test_batches_of_any_rank(pool):
    x, mask = sets(shape=(2, 2, 9, 3)), masks(shape=(4, 9)).reshape(2, 2, 9)
    flat = pool(x.reshape(4, 9, 3), mask.reshape(4, 9))
    np.testing.assert_array_equal(pool(x, mask).reshape(flat.shape), flat)
    np.testing.assert_array_equal(jax.vmap(jax.vmap(pool))(x, mask).reshape(flat.shape), flat)
    np.testing.assert_array_equal(pool(x[0, 1], mask[0, 1]), flat[1])


def test_gradient_is_the_finite_difference(pool):
    with jax.enable_x64(True):
        x, mask = sets().astype(np.float64), masks()
        jax.test_util.check_grads(lambda x: pool(x, mask), (x,), order=2, modes=["fwd", "rev"], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtype_is_kept(dtype):
    assert POOLS["sort_pool"](sets().astype(dtype)).dtype == dtype
    knots = np.ones((3, 2), dtype)
    assert featurewise_sort_pool(sets().astype(dtype), knots).dtype == dtype
