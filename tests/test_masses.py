"""Weights of elements, in everything that takes them: what they mean, and what they may be."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import diffsort
from diffsort import losses

WINDOWS = ("interpolated_inverted_cdf", "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased")
RANKS = ("inverted_cdf", "averaged_inverted_cdf")
Q = np.array([0.0, 0.1, 0.25, 0.5, 0.77, 0.9, 1.0])

# Called with rows and weights; with axis=-1.
BY_COUNT: dict[str, Callable[..., jax.Array]] = {
    f"quantile {method}": partial(diffsort.quantile, q=Q, method=method) for method in WINDOWS
}
BY_PROPORTION: dict[str, Callable[..., jax.Array]] = {
    **{f"quantile {method}": partial(diffsort.quantile, q=Q, method=method) for method in RANKS},
    "median": diffsort.median,
    "trimmed_mean": partial(diffsort.trimmed_mean, proportion=0.25),  # of 12 or 24 elements, 3 or 6
    "superquantile": partial(diffsort.superquantile, level=0.77),
    "cvar": partial(losses.cvar, level=0.3),
    "cvar smoothed": partial(losses.cvar, level=0.3, smoothing=0.5),
    "crps_ensemble": lambda x, **o: losses.crps_ensemble(x, x[..., 0] / 2, **o),
    "quantile_loss": lambda x, **o: losses.quantile_loss(
        x, x[..., 0] / 2, jnp.full(x.shape[-1], 0.3, x.dtype), **o
    ),
}
WEIGHTED = BY_COUNT | BY_PROPORTION


def rows(n: int, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(n).standard_normal((2, n)).astype(dtype)


@pytest.mark.parametrize("name", WEIGHTED)
def test_an_element_of_weight_w_counts_as_w_of_them(name: str) -> None:
    x = rows(9)
    counts = np.array([1, 2, 0, 3, 1, 1, 0, 2, 2])  # 12 in all
    with jax.enable_x64(True):
        statistic = partial(WEIGHTED[name], axis=-1)
        expected = statistic(np.repeat(x, counts, -1))
        np.testing.assert_allclose(statistic(x, weights=counts), expected, rtol=1e-10, atol=1e-13)
        if name in BY_PROPORTION:
            scaled = statistic(x, weights=counts / 7)
            np.testing.assert_allclose(scaled, expected, rtol=1e-10, atol=1e-13)
        method = name.removeprefix("quantile ")
        if method in (*WINDOWS, *RANKS):
            by_scipy = scipy.stats.quantile(x, Q, axis=-1, method=method, weights=counts).T
            np.testing.assert_allclose(expected, by_scipy, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("size", [6, 10, 49, 60])
@pytest.mark.parametrize("x64", [False, True])
def test_equal_weights_of_sum_1_are_no_weights(size: int, x64: bool) -> None:
    """Though 1/6 is rounded, three of them are half of all."""
    q = np.arange(size + 1) / size
    with jax.enable_x64(x64):
        x = jnp.asarray(rows(size))
        weights = jnp.full(size, 1 / size, x.dtype)
        np.testing.assert_array_equal(diffsort.median(x, -1, weights=weights), diffsort.median(x, -1))
        for method in RANKS:
            found = diffsort.quantile(x, q, -1, method=method, weights=weights)
            ordered = np.sort(np.asarray(x), -1)[:, np.maximum(np.arange(size + 1) - 1, 0)].T
            after = np.sort(np.asarray(x), -1)[:, np.clip(np.arange(size + 1), 0, size - 1)].T
            ordered = ordered if method == "inverted_cdf" else (ordered + after) / 2
            np.testing.assert_allclose(found[1:-1], ordered[1:-1], rtol=1e-6)
        infinite = x.at[:, 0].set(-jnp.inf).at[:, 1].set(jnp.inf)
        assert np.isfinite(diffsort.trimmed_mean(infinite, 1 / size, weights=weights)).all()


def test_between_whole_weights_a_quantile_has_no_jumps() -> None:
    """It is the mean of the elements around a place; element by element in the tests of every statistic."""
    x = np.array([1.0, 2.0, 4.0])
    with jax.enable_x64(True):
        weights = np.array([1.0, 0.5, 1.5])
        # From 0.8 to 1.8 of 3: 0.2 of the first, 0.5 of the second, 0.3 of the third.
        by_hand = 0.2 * 1 + 0.5 * 2 + 0.3 * 4
        np.testing.assert_allclose(diffsort.quantile(x, 0.4, weights=weights), by_hand, rtol=1e-12)
        gradient = jax.grad(lambda w: diffsort.quantile(x, 0.4, weights=w))(weights)
        # More of the first moves all else up by as much, and the place by 0.4 of it.
        np.testing.assert_allclose(gradient, [1 - 4 + 0.4 * 3, 2 - 4 + 0.4 * 3, 0.4 * 3], rtol=1e-12)


@pytest.mark.parametrize("name", ["quantile hazen", *BY_PROPORTION])
def test_derivatives_by_weights_are_finite_differences_and_0_where_nothing_changes(name: str) -> None:
    x, step = np.sort(rows(7)[:1]), 1e-7
    weights = np.array([[0.4, 0.8, 0.7, 0.0, 1.3, 2.1, 0.3]])
    is_of_ranks = name == "median" or name.removeprefix("quantile ") in RANKS
    if not is_of_ranks:  # to which a new extreme is a jump
        weights[:, [0, -1]] = 0
    direction = np.random.default_rng(0).random(weights.shape)  # a weight of 0 can only grow

    @jax.jit
    def value_and_tangent(weights: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.jvp(lambda w: WEIGHTED[name](x, weights=w, axis=-1), (weights,), (direction,))

    with jax.enable_x64(True):
        value, tangent = value_and_tangent(weights)
        difference = (value_and_tangent(weights + step * direction)[0] - value) / step
        np.testing.assert_allclose(tangent, difference, rtol=1e-5, atol=1e-6)
        if is_of_ranks:
            np.testing.assert_array_equal(tangent, 0)
        else:
            assert np.abs(tangent).max() > 1e-3


@pytest.mark.parametrize("name", WEIGHTED)
def test_what_has_no_weight_is_not_there(name: str) -> None:
    statistic = jax.jit(partial(WEIGHTED[name], axis=-1))
    x, weights = rows(8, "float32"), rows(9)[:, :8].astype(np.float32) ** 2
    weights[:, 5:] = 0
    hidden = x.copy()
    hidden[:, 5:] = np.inf, -np.inf, 0
    expected = np.asarray(statistic(x[:, :5], weights=weights[:, :5]))
    np.testing.assert_allclose(statistic(hidden, weights=weights), expected, rtol=1e-5, atol=1e-6)
    masked = np.where(weights == 0, np.float32(np.nan), weights)  # and a mask hides weights too
    where = weights != 0
    np.testing.assert_allclose(statistic(hidden, weights=masked, where=where), expected, rtol=1e-5, atol=1e-6)
    value, pull_back = jax.vjp(lambda x, w: statistic(x, weights=w), x, np.zeros_like(weights))
    for zero in (value, *pull_back(jnp.ones_like(value))):
        np.testing.assert_array_equal(zero, 0)
    for strange in (np.nan, np.inf):
        weights[1, 2] = strange
        found = np.asarray(statistic(x, weights=weights))
        assert np.isnan(found[..., 1]).all()
        assert np.isfinite(found[..., 0]).all()


def test_weights_may_have_one_dimension_or_be_broadcast() -> None:
    x = np.random.default_rng(0).standard_normal((4, 3, 5)).astype(np.float32)
    for axis, shape in ((0, (4,)), (1, (3,)), ((2, 0), (5, 4)), (None, x.shape)):
        weights = np.random.default_rng(1).random(shape).astype(np.float32)
        axes = range(3) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        sizes = [n if d in axes else 1 for d, n in enumerate(x.shape)]
        placed = weights.transpose(np.argsort(axes)).reshape(sizes)
        actual = diffsort.superquantile(x, 0.3, axis, weights=weights.ravel())
        np.testing.assert_array_equal(actual, diffsort.superquantile(x, 0.3, axis, weights=placed))
        full = np.broadcast_to(placed, x.shape)
        np.testing.assert_array_equal(actual, diffsort.superquantile(x, 0.3, axis, weights=full))
        moved = np.moveaxis(x, axes, range(-len(axes), 0)).reshape(*actual.shape, -1)
        by_numpy = partial(np.quantile, q=0.3, weights=weights.ravel(), method="inverted_cdf")
        expected = [by_numpy(row) for row in moved.reshape(-1, weights.size)]
        found = diffsort.quantile(x, 0.3, axis, weights=weights.ravel(), method="inverted_cdf")
        np.testing.assert_array_equal(np.ravel(found), expected)
    loss, weights = losses.quantile_loss(x, x / 2, 0.3), np.float32([1, 2, 0, 1, 3])
    found = losses.quantile_loss(x, x / 2, 0.3, weights=weights[None, None])
    np.testing.assert_allclose(found, np.asarray(loss) * weights, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: diffsort.median(x, -1, weights=-jnp.ones(6)),
            ValueError,
            "weights has -1: weights must not",
        ),
        (lambda x: diffsort.median(x, -1, weights=np.ones(5)), ValueError, "axis 1 of x has 6 elements"),
        (lambda x: diffsort.median(x, weights=np.ones(6)), ValueError, r"axes \(0, 1\) of x has 12 elements"),
        (lambda x: losses.cvar(x, 0.5, weights=np.ones((3, 6))), ValueError, "does not broadcast to"),
        (
            lambda x: losses.cvar(x, 0.5, weights=np.ones(6, complex)),
            TypeError,
            "complex numbers have no order",
        ),
        (
            lambda x: losses.quantile_loss(x, x, 0.5, weights=np.ones((2, 5))),
            ValueError,
            r"\(2, 5\), which does not broadcast to \(2, 6\)",
        ),
        (
            lambda x: diffsort.superquantile(x, 0.5, weights=np.ones(6), implementation="softsort"),
            ValueError,
            "without a permutation",
        ),
        *(
            (
                lambda x, m=method: diffsort.quantile(x, 0.5, method=m, weights=x),
                ValueError,
                f"'{method}' counts elements, and takes no weights; those that do: 'inverted_cdf'",
            )
            for method in ("closest_observation", "lower", "higher", "midpoint", "nearest")
        ),
    ],
)
def test_mistakes(call: Callable[[Any], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(rows(6, "float32"))
