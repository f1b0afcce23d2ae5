"""Each segment op against a loop over segments in NumPy: bit for bit where it sorts."""

import functools
from typing import Any

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from tests.oracles import arrays, assert_same_bits, one_nan, stable_order, without_denormals

M = 4  # segments
LEVELS = np.array([0.0, 0.37, 0.5, 1.0])


def by_loop(x: np.ndarray, ids: np.ndarray, descending: bool = False) -> np.ndarray:
    """The order of each column: segment by segment, each sorted, and what is of none behind."""
    columns = x.reshape(len(x), -1).T
    orders = []
    for column in columns:
        parts = [np.flatnonzero(ids == s) for s in range(M)]
        parts = [part[stable_order(column[part], descending=descending)] for part in parts if len(part)]
        orders.append(np.concatenate([*parts, np.flatnonzero((ids < 0) | (ids >= M))]))
    return np.array(orders, np.int32).T.reshape(x.shape)


@jax.jit
def sorted_in_segments(x: jax.Array, ids: jax.Array) -> dict[str, Any]:
    up, down = {}, {"descending": True}
    return {
        "argsort": [diffsort.segment_argsort(x, ids, M, **o) for o in (up, down)],
        "sort": [diffsort.segment_sort(x, ids, M, **o) for o in (up, down)],
        "rank": [diffsort.segment_rank(x, ids, M, **o) for o in (up, down)],
        "top_k": [diffsort.segment_top_k(x, 3, ids, M, largest=largest) for largest in (False, True)],
        "builtin": [diffsort.segment_argsort(x, ids, M, implementation="builtin", **o) for o in (up, down)],
    }


@pytest.mark.parametrize(
    ("dtype", "shape", "id_dtype"),
    [
        ("float32", (9,), "int32"),
        ("bfloat16", (9, 2), "int8"),
        pytest.param("int32", (9, 2, 2), "uint8", marks=pytest.mark.slow),
        pytest.param("float64", (9, 2), "int64", marks=pytest.mark.slow),
    ],
)
@hypothesis.settings(max_examples=20)
@hypothesis.given(data=st.data())
def test_it_sorts_each_segment(
    dtype: str, shape: tuple[int, ...], id_dtype: str, data: st.DataObject
) -> None:
    x = without_denormals(data.draw(arrays(dtype, shape)))
    low = 0 if id_dtype.startswith("u") else -1
    ids = data.draw(hnp.arrays(id_dtype, shape[:1], elements=st.integers(low, M)))
    with jax.enable_x64("64" in dtype):
        found = jax.device_get(sorted_in_segments(x, ids))
    is_there = ((ids >= 0) & (ids < M)).reshape(-1, *[1] * (x.ndim - 1))
    x = np.where(is_there, x, np.zeros_like(x))
    size = np.array([(ids == s).sum() for s in range(M)])
    start = np.cumsum(size) - size
    for descending in (False, True):
        order = by_loop(x, ids, descending)
        ordered = np.take_along_axis(one_nan(x), order, 0)
        assert_same_bits(found["argsort"][descending], order)
        assert_same_bits(found["builtin"][descending], order)
        assert_same_bits(one_nan(found["sort"][descending]), ordered)
        first = np.append(start, 0)[np.where(is_there.reshape(-1), ids, M).astype(int)]
        ranks = np.argsort(order, 0) - first.reshape(is_there.shape)
        assert_same_bits(found["rank"][descending], np.where(is_there, ranks, -1).astype(np.int32))
        values, indices = found["top_k"][descending]
        for s in range(M):
            for k in range(3):
                if k < size[s]:
                    assert_same_bits(one_nan(values[s, k]), ordered[start[s] + k])
                    assert_same_bits(indices[s, k], order[start[s] + k])
                else:
                    assert not np.any(values[s, k])
                    assert np.all(indices[s, k] == -1)


def ragged(n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Elements with ties; ids out of order, one segment empty, one of a single element, some of none."""
    random = np.random.default_rng(0)
    ids = random.choice([0, 2, 5, -3], n)
    ids[7] = 3
    return np.round(random.normal(size=(n, 2)), 1), ids


def statistics(x: jax.Array, weights: jax.Array, ids: jax.Array, is_sorted: bool = False) -> dict[str, Any]:
    o = {"indices_are_sorted": is_sorted}
    return {
        "median": diffsort.segment_median(x, ids, M, **o),
        "quantile": diffsort.segment_quantile(x, LEVELS, ids, M, **o),
        "nearest": diffsort.segment_quantile(x, 0.4, ids, M, method="nearest", **o),
        "hazen": diffsort.segment_quantile(x, 0.4, ids, M, method="hazen", **o),
        "l_statistic": diffsort.segment_l_statistic(x, weights, ids, M, **o),
        "places": diffsort.segment_places(ids, M, **o),
    }


@pytest.mark.parametrize("is_sorted", [False, True])
def test_statistics_are_those_of_each_segment(is_sorted: bool) -> None:
    x, ids = ragged()
    if is_sorted:
        ids = np.sort(ids)
    weights = np.random.default_rng(1).normal(size=x.shape)
    with jax.enable_x64(True):
        found = jax.device_get(jax.jit(statistics, static_argnums=3)(x, weights, ids, is_sorted))
    assert found["quantile"].shape == (4, M, 2)
    segments, positions, sizes = found["places"]
    done = 0
    for s in range(M):
        part = x[ids == s]
        places = np.arange(done, done + len(part))
        done += len(part)
        np.testing.assert_array_equal(segments[places], s)
        np.testing.assert_array_equal(positions[places], np.arange(len(part)))
        np.testing.assert_array_equal(sizes[places], len(part))
        expected = np.sum(np.sort(part, 0) * weights[places], 0)
        np.testing.assert_allclose(found["l_statistic"][s], expected, rtol=1e-10, atol=1e-12)
        if len(part):
            near = {"rtol": 1e-10, "atol": 1e-12}
            np.testing.assert_allclose(found["median"][s], np.median(part, 0), **near)
            np.testing.assert_allclose(found["quantile"][:, s], np.quantile(part, LEVELS, 0), **near)
            np.testing.assert_allclose(found["hazen"][s], np.quantile(part, 0.4, 0, method="hazen"), **near)
            np.testing.assert_array_equal(
                found["nearest"][s], np.quantile(part, 0.4, 0, method="nearest").astype(np.float64)
            )
        else:
            assert np.isnan([found["median"][s], *found["quantile"][:, s], found["nearest"][s]]).all()
    np.testing.assert_array_equal(segments[done:], M)
    np.testing.assert_array_equal(positions[done:], np.arange(len(x) - done))
    np.testing.assert_array_equal(sizes[done:], len(x) - done)


def test_a_nan_is_that_of_its_segment_alone() -> None:
    x, ids = ragged()
    x, ids = x[:, 0].astype(np.float32), np.where(ids == -3, 1, ids)
    clean = np.asarray(diffsort.segment_median(x, ids, M))
    x[np.flatnonzero(ids == 2)[3]] = np.nan
    x[np.flatnonzero(ids == 5)] = np.nan  # of no segment
    found = np.asarray(diffsort.segment_median(x, ids, M))
    np.testing.assert_array_equal(found, np.where(np.arange(M) == 2, np.nan, clean))


@functools.partial(jax.jit, static_argnums=3)
def _derivatives(x: jax.Array, weights: jax.Array, along: jax.Array, by_loop: bool) -> Any:
    """Value, gradients and a Hessian's product, of segments or of a loop over slices of them."""
    _, ids = ragged()
    wave = jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape)

    def of_segments(x: jax.Array, weights: jax.Array) -> jax.Array:
        found = diffsort.segment_sort(x, ids, M) * wave * weights
        quantiles = diffsort.segment_quantile(x, LEVELS, ids, M)
        greatest = diffsort.segment_top_k(x, 3, ids, M)[0]
        weighed = diffsort.segment_l_statistic(x, weights, ids, M)
        sizes = np.array([(ids == s).sum() for s in range(M)])[:, None] > 0
        quantiles = jnp.where(sizes, quantiles, jnp.zeros_like(quantiles))
        return sum(jnp.sum(jnp.sin(a)) for a in (found, quantiles, greatest, weighed))

    def of_slices(x: jax.Array, weights: jax.Array) -> jax.Array:
        total, done = jnp.zeros((), x.dtype), 0
        for s in range(M):
            n = (ids == s).sum()
            part = jnp.sort(x[ids == s], 0)
            places = slice(done, done + n)
            done += n
            total += jnp.sum(jnp.sin(part * wave[places] * weights[places]))
            total += jnp.sum(jnp.sin(jnp.flip(part, 0)[:3]))
            total += jnp.sum(jnp.sin(jnp.sum(part * weights[places], 0)))
            if n:
                total += jnp.sum(jnp.sin(diffsort.quantile(part, LEVELS, 0)))
        return total

    loss = of_slices if by_loop else of_segments
    gradient = jax.grad(loss, (0, 1))
    value = loss(x, weights)
    slopes, products = jax.jvp(gradient, (x, weights), (along, along))
    return value, slopes, products


def test_derivatives_are_those_of_a_loop() -> None:
    x, _ = ragged()
    x = x + np.random.default_rng(2).normal(size=x.shape) * 1e-3  # apart: ties may share in another order
    weights, along = np.random.default_rng(3).normal(size=(2, *x.shape))
    with jax.enable_x64(True):
        pair = [_derivatives(x, weights, along, by_loop) for by_loop in (False, True)]
    for actual, expected in zip(*map(jax.tree.leaves, pair), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)


def test_batches_of_elements_and_of_ids() -> None:
    x, ids = ragged()
    x = x.astype(np.float32)
    shuffled = np.stack([ids, ids[::-1], np.roll(ids, 3)])

    @jax.jit
    def program(x: jax.Array, ids: jax.Array) -> Any:
        def all_of(x: jax.Array, ids: jax.Array) -> Any:
            return diffsort.segment_sort(x, ids, M), diffsort.segment_median(x, ids, M)

        by_ids = jax.vmap(all_of, (None, 0))(x, ids)
        by_both = jax.vmap(all_of)(jnp.stack([x] * 3), ids)
        return by_ids, by_both, jax.lax.map(lambda ids: all_of(x, ids), ids)

    for found in zip(*map(jax.tree.leaves, program(x, shuffled)), strict=True):
        for other in found[1:]:
            assert_same_bits(other, found[0])
    for i, of in enumerate(shuffled):
        assert_same_bits(found[0][i], diffsort.segment_median(x, of, M))


def test_how_many_segments_there_are() -> None:
    x, ids = jnp.array([3.0, 1.0, 2.0]), jnp.array([4, -1, 4])
    assert diffsort.segment_median(x, ids).shape == (5,)
    assert diffsort.segment_median(x, jnp.array([-1, -1, -2])).shape == (0,)
    assert diffsort.segment_median(jnp.zeros(0), jnp.zeros(0, int)).shape == (0,)
    values, indices = diffsort.segment_top_k(jnp.zeros((0, 3)), 2, jnp.zeros(0, int), 5)
    assert values.shape == indices.shape == (5, 2, 3)
    assert diffsort.segment_top_k(x, 0, ids)[0].shape == (5, 0)
    many = diffsort.segment_sort(x, jnp.array([0, 10**6, 0], "int32"), 10**6 + 1)
    np.testing.assert_array_equal(many, [2, 3, 1])


IDS = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: diffsort.segment_sort(jnp.ones(3), jnp.ones(3)), TypeError, "segment_ids must be integers"),
        (lambda: diffsort.segment_sort(jnp.ones(2), IDS), ValueError, r"shape \(3,\); expected \(2,\)"),
        (lambda: diffsort.segment_sort(1.0, IDS), ValueError, "x is a scalar"),
        (lambda: diffsort.segment_sort(jnp.ones(3), IDS, -1), ValueError, "num_segments=-1"),
        (lambda: diffsort.segment_sort(jnp.ones(3), IDS, 2.0), TypeError, "num_segments must be a Python"),
        (
            lambda: jax.jit(diffsort.segment_sort)(jnp.ones(3), IDS),
            ValueError,
            "not known: pass num_segments",
        ),
        (
            lambda: diffsort.segment_sort(jnp.ones(3), IDS, indices_are_sorted="yes"),
            TypeError,
            "indices_are_sorted must be True or False",
        ),
        (lambda: diffsort.segment_rank(jnp.ones(3), IDS, descending=2), TypeError, "descending must be"),
        (lambda: diffsort.segment_top_k(jnp.ones(3), -1, IDS), ValueError, "k=-1 must not be negative"),
        (lambda: diffsort.segment_top_k(jnp.ones(3), 1, IDS, largest=3), TypeError, "largest must be True"),
        (lambda: diffsort.segment_quantile(jnp.ones(3), 2.0, IDS), ValueError, r"q=2 is not in \[0, 1\]"),
        (lambda: diffsort.segment_quantile(jnp.ones(3), 0.5, IDS, method="?"), ValueError, "method='"),
        (
            lambda: diffsort.segment_l_statistic(jnp.ones((3, 2)), jnp.ones((1, 2)), IDS),
            ValueError,
            r"weights of shape \(1, 2\) do not fit",
        ),
        (lambda: diffsort.segment_l_statistic(jnp.ones(3), IDS, IDS), TypeError, "weights must be floating"),
        (
            lambda: diffsort.segment_median(jnp.ones(3), IDS, implementation="softsort"),
            ValueError,
            "relaxed sort without a permutation",
        ),
    ],
)
def test_mistakes_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
