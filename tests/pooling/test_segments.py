"""Sets of different sizes in one array: what the masked pooling makes of them when they are padded."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.pooling import featurewise_sort_pool, quantile_pool, sort_pool, top_k_pool
from tests.layer_cases import CASES, FEATURES, linen_variables, weighted
from tests.oracles import assert_same_bits
from tests.pooling.sets import masks, sets

SIZES = (4, 9)  # sets, and points of the largest


def _knots(x: Any) -> jax.Array:
    return jnp.sin(1 + jnp.arange(15, dtype=jnp.float32)).reshape(3, 5).astype(x.dtype)


# Along an axis, so that projecting rounds nothing.
POOLS = {
    "fspool": lambda x, **o: featurewise_sort_pool(x, _knots(x), **o),
    "fspool, mean": lambda x, **o: featurewise_sort_pool(x, _knots(x), reduction="mean", **o),
    "quantiles": lambda x, **o: quantile_pool(x, (0.1, 0.5, 1), **o),
    "sort_pool": lambda x, **o: sort_pool(x, 6, sort_channels=2, **o),
    "top_k": lambda x, **o: top_k_pool(x, jnp.asarray([0, 2, 0], x.dtype), 6, **o),
}
# What takes elements as they are, or two of them; the others sum, and a padded sum is taken in another order.
EXACT = ("quantiles", "sort_pool", "top_k")


def flat(x: np.ndarray, mask: np.ndarray, seed: int = 5) -> tuple[np.ndarray, np.ndarray, Any]:
    """The points of padded sets, and some of none, in an order that keeps that of each set; their sets."""
    kept = np.argwhere(mask)
    random = np.random.default_rng(seed)
    places = np.sort(random.permutation(len(kept) + 3)[: len(kept)])
    mixed = kept[np.argsort(random.permutation(len(kept)) + 100 * kept[:, 1], kind="stable")]
    points = np.full((len(kept) + 3, x.shape[-1]), np.nan, x.dtype)
    points[places] = x[tuple(mixed.T)]
    ids = np.full(len(points), -1)
    ids[places] = mixed[:, 0]
    back = np.full(x.shape[:2], -1)
    back[tuple(mixed.T)] = places
    return points, ids, back


@functools.partial(jax.jit, static_argnames=("name", "num_segments"))
def value_and_gradient(name: str, x: jax.Array, num_segments: int | None = None, **of: jax.Array) -> Any:
    def loss(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        y = POOLS[name](x, num_segments=num_segments, **of)
        return weighted(y), y

    gradient, y = jax.grad(loss, has_aux=True)(x)
    return y, gradient


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("name", POOLS)
def test_it_is_the_masked_pooling_of_padded_sets(name: str, ties: bool) -> None:
    x, mask = sets(ties=ties), masks()
    points, ids, back = flat(x, mask)
    expected = value_and_gradient(name, x, where=mask)
    actual = value_and_gradient(name, points, segment_ids=ids, num_segments=len(x))
    y, gradient = map(np.asarray, actual)
    assert not gradient[ids < 0].any()
    gradient = np.where(mask[..., None], gradient[back], 0)
    if name in EXACT:
        assert_same_bits(y, expected[0])
    np.testing.assert_allclose(y, expected[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["fspool", "fspool, mean"])
def test_sums_differ_by_rounding_alone(name: str) -> None:
    """On sets longer than XLA sums in one go: in float64 to its own precision."""
    with jax.enable_x64(True):
        x, mask = sets(shape=(3, 100, 3)).astype(np.float64), masks(shape=(3, 100))
        points, ids, _ = flat(x, mask)
        expected = POOLS[name](jnp.asarray(x), where=mask)
        actual = POOLS[name](jnp.asarray(points), segment_ids=ids, num_segments=3)
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)


def test_a_mask_drops_points_too() -> None:
    x, mask = sets(), masks()
    points, ids = x.reshape(-1, 3), np.repeat(np.arange(4), 9)
    for name, pool in POOLS.items():
        actual = pool(points, where=mask.reshape(-1), segment_ids=ids, num_segments=4)
        np.testing.assert_allclose(actual, pool(x, where=mask), rtol=1e-6, atol=1e-6, err_msg=name)


def test_there_are_no_points_or_no_sets() -> None:
    for pool in POOLS.values():
        nothing = pool(np.zeros((0, 3), np.float32), segment_ids=np.zeros(0, int), num_segments=4)
        assert nothing.shape == pool(sets(), where=masks()).shape
        assert not np.asarray(nothing).any()
        assert pool(np.ones((2, 3), np.float32), segment_ids=np.array([-1, -1])).shape[0] == 0


def test_top_k_pool_says_what_it_kept() -> None:
    x, mask = sets(), masks()
    points, ids, _ = flat(x, mask)
    projection = jnp.array([0.3, -1.0, 0.5])
    options = {"segment_ids": ids, "num_segments": 4, "return_indices": True}
    rows, indices, scores = top_k_pool(points, projection, 6, **options)
    kept = np.where(indices[..., None] >= 0, points[indices], 0)
    np.testing.assert_allclose(rows, kept * np.tanh(scores)[..., None], rtol=1e-5, atol=1e-6)
    _, _, padded = top_k_pool(x, projection, 6, where=mask, return_indices=True)
    np.testing.assert_allclose(scores, padded, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.segments])
def test_layers_take_segments_in_both_apis(name: str) -> None:
    case = CASES[name]
    x, mask = sets(shape=(4, 9, FEATURES)), masks()
    points, ids, _ = flat(x, mask)
    layer, of = case.build(), {"segment_ids": ids, "num_segments": 4}
    actual = jax.jit(lambda x: layer(x, **of))(points)
    twin = case.linen()
    assert_same_bits(jax.jit(lambda x: twin.apply(linen_variables(layer), x, **of))(points), actual)
    np.testing.assert_allclose(actual, layer(x, mask), rtol=1e-5, atol=1e-6)
    variables = twin.init(jax.random.key(0), points, **of)
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, linen_variables(layer))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_segments": 2}, ValueError, "num_segments=2 says nothing without segment_ids"),
        ({"segment_ids": np.zeros(3)}, TypeError, "segment_ids must be integers"),
        ({"segment_ids": np.zeros(2, int)}, ValueError, r"shape \(2,\); expected \(3,\)"),
        ({"segment_ids": np.zeros(3, int), "where": np.ones(2, bool)}, ValueError, r"\(2,\)"),
        ({"segment_ids": np.zeros(3, int), "implementation": "softsort"}, ValueError, "relaxed sort"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], error: type[Exception], message: str) -> None:
    for pool in POOLS.values():
        with pytest.raises(error, match=message):
            pool(jnp.ones((3, 3)), **options)


def test_mistakes_of_shapes_are_named() -> None:
    ids = np.zeros(3, int)
    for pool in POOLS.values():
        with pytest.raises(ValueError, match=r"points of all sets.*not \(2, 3, 3\)"):
            pool(jnp.ones((2, 3, 3)), segment_ids=ids)
    with pytest.raises(ValueError, match="return_indices=True is for sets of one size"):
        featurewise_sort_pool(jnp.ones((3, 3)), jnp.ones((3, 5)), segment_ids=ids, return_indices=True)
