"""Sorted pooling against definitions written out in NumPy."""

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest

from diffsort.pooling import featurewise_sort_pool, sort_pool

IMPLEMENTATIONS = ["manual", "builtin", "double_argsort"]


def sets(seed=0, shape=(4, 9, 3), ties=False):
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return np.round(x) if ties else x


def masks(seed=1, shape=(4, 9)):
    mask = np.random.default_rng(seed).random(shape) < 0.6
    mask[0], mask[1] = False, True
    mask[2] = np.arange(shape[-1]) == 4  # a set of one point
    return mask


def fspool_oracle(x, knots, mask):
    """The paper's formula in float64, a set and a feature at a time."""
    pieces = knots.shape[1] - 1
    out = np.zeros((x.shape[0], x.shape[2]))
    for b in range(x.shape[0]):
        for c in range(x.shape[2]):
            ordered = np.sort(x[b, mask[b], c].astype(np.float64))[::-1]
            n = len(ordered)
            at = np.arange(n) / max(n - 1, 1)
            weights = np.interp(at, np.linspace(0, 1, pieces + 1), knots[c].astype(np.float64))
            out[b, c] = np.sum(weights * ordered)
    return out


def sort_pool_oracle(x, k, mask, sort_channels):
    out = np.zeros((x.shape[0], k, x.shape[2]), x.dtype)
    for b in range(x.shape[0]):
        rows = x[b, mask[b]]
        order = sorted(range(len(rows)), key=lambda i: tuple(-rows[i, ::-1][:sort_channels]))
        out[b, : min(k, len(rows))] = rows[order][:k]
    return out


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("pieces", [1, 4, 20])
def test_fspool_is_the_papers_formula(implementation, pieces):
    x, mask = sets(), masks()
    knots = np.random.default_rng(2).normal(size=(3, pieces + 1)).astype(np.float32)
    pooled = featurewise_sort_pool(x, knots, where=mask, implementation=implementation)
    np.testing.assert_allclose(pooled, fspool_oracle(x, knots, mask), rtol=1e-5, atol=1e-5)
    whole = featurewise_sort_pool(x, knots, implementation=implementation)
    everything = np.ones(x.shape[:2], bool)
    np.testing.assert_allclose(whole, fspool_oracle(x, knots, everything), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("sort_channels", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 5, 9, 12])
def test_sort_pool_orders_rows_and_pads(implementation, sort_channels, k):
    x, mask = sets(ties=True), masks()
    pooled = sort_pool(x, k, where=mask, sort_channels=sort_channels, implementation=implementation)
    expected = sort_pool_oracle(x, k, mask, sort_channels)
    np.testing.assert_array_equal(pooled, expected)


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


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: featurewise_sort_pool(jnp.ones((4, 3)), jnp.ones((2, 5))),
            ValueError,
            r"\(2, 5\).*expected \(3, pieces",
        ),
        (lambda: featurewise_sort_pool(jnp.ones((4, 3)), jnp.ones((3, 1))), ValueError, "at least one piece"),
        (lambda: featurewise_sort_pool(jnp.ones(3), jnp.ones((3, 2))), ValueError, r"not \(3,\)"),
        (lambda: featurewise_sort_pool(jnp.ones((4, 3), int), jnp.ones((3, 2))), TypeError, "int32"),
        (lambda: sort_pool(jnp.ones((4, 3)), 0), ValueError, "k=0"),
        (lambda: sort_pool(jnp.ones((4, 3)), 2, sort_channels=4), ValueError, "sort_channels=4.*1 and 3"),
        (lambda: sort_pool(jnp.ones((4, 3)), 2, where=jnp.ones(5, bool)), ValueError, r"\(5,\)"),
        (lambda: sort_pool(jnp.ones((4, 3)), 2, where=jnp.ones(4)), TypeError, "boolean, not float32"),
        (lambda: sort_pool(jnp.ones((4, 3)), 2, implementation="manul"), ValueError, "Did you mean 'manual'"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
