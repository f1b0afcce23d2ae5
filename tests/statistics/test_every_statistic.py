"""What holds for every order statistic."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import diffsort
from tests.oracles import IMPLEMENTATIONS, weighed

Statistic = Callable[..., jax.Array]


def by_definition_superquantile(level: float, x: np.ndarray) -> float:
    """The mean of the largest elements, one of them in part; added up one by one."""
    left = (1 - level) * x.size
    total = 0.0
    for element in np.sort(x)[::-1]:
        share = min(1.0, left)
        total += share * element
        left -= share
        if left <= 0:
            break
    return total / ((1 - level) * x.size)


def by_definition_winsorized(proportion: float, x: np.ndarray) -> float:
    return float(np.mean(scipy.stats.mstats.winsorize(x, (proportion, proportion))))


def by_definition_gini(x: np.ndarray) -> float:
    return float(np.abs(x[:, None] - x).sum() / (x.size * (x.size - 1)))


def mean_of_mass(start: float, stop: float, x: np.ndarray, w: np.ndarray) -> float:
    """The mean of the elements that the masses between two lie in; added up one by one."""
    total = before = 0.0
    for element, weight in sorted(zip(x, w, strict=True)):
        total += element * max(min(before + weight, stop) - max(before, start), 0)
        before += weight
    return total / (stop - start)


def of_weights(statistic: Statistic, oracle: Callable[..., object]) -> tuple[Statistic, Callable]:
    """A statistic whose elements have weights made of them, so that these are sliced and moved with them."""
    return (
        lambda x, **options: statistic(x, weights=weighed(x), **options),
        lambda x: oracle(x, np.asarray(weighed(x))),
    )


# Each with an independent oracle for one row.
STATISTICS: dict[str, tuple[Statistic, Callable[[np.ndarray], object]]] = {
    **{
        f"quantile {q} {method}": (
            partial(diffsort.quantile, q=q, method=method),
            partial(np.quantile, q=q, method=method),
        )
        for q, method in (
            *((0.37, method) for method in ("linear", "lower", "higher", "midpoint", "nearest")),
            *((q, "linear") for q in (0.0, 0.25, 1.0)),
            (0.37, "median_unbiased"),
        )
    },
    "median": (diffsort.median, np.median),
    "order_statistic 2": (partial(diffsort.order_statistic, k=2), lambda x: np.sort(x)[2]),
    "order_statistic -1": (partial(diffsort.order_statistic, k=-1), np.max),
    **{
        f"trimmed_mean {p}": (
            partial(diffsort.trimmed_mean, proportion=p),
            partial(scipy.stats.trim_mean, proportiontocut=p),
        )
        for p in (0.0, 0.1, 0.3, 0.49)
    },
    **{
        f"winsorized_mean {p}": (
            partial(diffsort.winsorized_mean, proportion=p),
            partial(by_definition_winsorized, p),
        )
        for p in (0.0, 0.1, 0.3, 0.49)
    },
    **{
        f"superquantile {level}": (
            partial(diffsort.superquantile, level=level),
            partial(by_definition_superquantile, level),
        )
        for level in (0.0, 0.5, 0.77, 0.999)
    },
    "l_moments": (
        partial(diffsort.l_moments, order=4),
        partial(scipy.stats.lmoment, order=[1, 2, 3, 4], standardize=False),
    ),
    "gini_mean_difference": (diffsort.gini_mean_difference, by_definition_gini),
    "quantile 0.37 inverted_cdf of weights": of_weights(
        partial(diffsort.quantile, q=0.37, method="inverted_cdf"),
        lambda x, w: np.quantile(x, 0.37, weights=w, method="inverted_cdf"),
    ),
    "quantile 0.37 weibull of weights": of_weights(
        partial(diffsort.quantile, q=0.37, method="weibull"),
        lambda x, w: mean_of_mass(0.37 * (w.sum() + 1) - 1, 0.37 * (w.sum() + 1), x, w),
    ),
    "median of weights": of_weights(
        diffsort.median,
        lambda x, w: scipy.stats.quantile(x, 0.5, weights=w, method="averaged_inverted_cdf"),
    ),
    "trimmed_mean 0.3 of weights": of_weights(
        partial(diffsort.trimmed_mean, proportion=0.3),
        lambda x, w: mean_of_mass(0.3 * w.sum(), 0.7 * w.sum(), x, w),
    ),
    "superquantile 0.77 of weights": of_weights(
        partial(diffsort.superquantile, level=0.77),
        lambda x, w: mean_of_mass(0.77 * w.sum(), w.sum(), x, w),
    ),
}
LENGTHS = (5, 10, 30)
# One of each function, for what does not depend on its arguments.
FUNCTIONS = (
    *("quantile 0.37 linear", "median", "order_statistic 2", "trimmed_mean 0.1", "winsorized_mean 0.3"),
    *("superquantile 0.77", "l_moments", "gini_mean_difference"),
)

with_statistics = pytest.mark.parametrize("name", STATISTICS)


def rows(n: int, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(n).standard_normal((3, n)).astype(dtype)


@with_statistics
def test_values_and_gradients_agree_with_an_oracle(name: str) -> None:
    statistic, oracle = STATISTICS[name]
    with jax.enable_x64(True):
        for n in LENGTHS:
            x = rows(n)
            along = partial(statistic, axis=-1)
            expected = np.stack([oracle(row) for row in x])
            np.testing.assert_allclose(along(x), expected, rtol=1e-10, atol=1e-13)

            direction = rows(n + 1)[:, :n]
            _, tangent = jax.jvp(along, (x,), (direction,))
            step = 1e-6
            difference = (along(x + step * direction) - along(x - step * direction)) / (2 * step)
            np.testing.assert_allclose(tangent, difference, rtol=1e-6, atol=1e-8)


@with_statistics
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_every_implementation_gives_the_same(name: str, implementation: str) -> None:
    statistic, _ = STATISTICS[name]
    x, where = rows(7, "float32"), rows(8)[:, :7] < 0.5

    def both(implementation: str) -> list[np.ndarray]:
        along = partial(statistic, axis=-1, where=where, implementation=implementation)
        value, pull_back = jax.vjp(along, x)
        return [np.asarray(value), np.asarray(pull_back(jnp.ones_like(value))[0])]

    for actual, expected in zip(both(implementation), both("builtin"), strict=True):
        np.testing.assert_array_equal(actual, expected)


@with_statistics
def test_a_mask_is_a_slice_and_what_it_hides_is_never_seen(name: str) -> None:
    statistic, _ = STATISTICS[name]
    for n in LENGTHS:
        x = rows(n, "float32")[0]
        where = np.arange(n) % 4 != 1
        hidden = np.where(where, x, np.array([np.nan, np.inf, -np.inf], np.float32)[np.arange(n) % 3])
        masked = partial(statistic, axis=-1, where=where)
        np.testing.assert_allclose(masked(hidden), statistic(x[where], axis=-1), rtol=1e-5, atol=1e-6)
        gradient = np.asarray(jax.grad(lambda x, f=masked: f(x).sum())(hidden))
        sliced = jax.grad(lambda x: statistic(x, axis=-1).sum())(x[where])
        np.testing.assert_allclose(gradient[where], sliced, rtol=1e-5, atol=1e-6)
        assert not gradient[~where].any()


@with_statistics
def test_of_nothing_is_zero_with_a_gradient_of_zero(name: str) -> None:
    statistic, _ = STATISTICS[name]
    nothing = partial(statistic, axis=-1, where=np.zeros((3, 5), bool))
    value, pull_back = jax.vjp(nothing, jnp.full((3, 5), jnp.nan))
    assert not np.asarray(value).any()
    assert not np.asarray(pull_back(jnp.ones_like(value))[0]).any()


@with_statistics
def test_axes_batches_and_transformations(name: str) -> None:
    statistic, _ = STATISTICS[name]
    x = np.random.default_rng(0).standard_normal((4, 6, 3)).astype(np.float32)
    expected = np.stack([[statistic(x[i, :, j], axis=0) for j in range(3)] for i in range(4)])
    for actual in (
        statistic(x, axis=1),
        statistic(x, axis=-2),
        jax.jit(partial(statistic, axis=1))(x),
        jax.vmap(partial(statistic, axis=0))(x),
        statistic(np.moveaxis(x, 1, 0), axis=0),
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


@with_statistics
def test_the_order_of_the_elements_does_not_matter(name: str) -> None:
    statistic, _ = STATISTICS[name]
    x = rows(10, "float32")
    shuffled = np.random.default_rng(0).permutation(x, axis=1)
    np.testing.assert_array_equal(statistic(x, axis=-1), statistic(shuffled, axis=-1))


@with_statistics
def test_nan_is_passed_on_and_bfloat16_kept(name: str) -> None:
    statistic, _ = STATISTICS[name]
    x = rows(10, "float32")
    x[1, 3] = np.nan
    value = np.asarray(statistic(x, axis=-1)).reshape(3, -1)
    assert np.isnan(value).all(1).tolist() == [False, True, False]
    narrow = statistic(jnp.asarray(rows(10), jnp.bfloat16), axis=-1)
    assert narrow.dtype == jnp.bfloat16
    wide = statistic(jnp.asarray(jnp.asarray(rows(10), jnp.bfloat16), jnp.float32), axis=-1)
    np.testing.assert_array_equal(narrow, wide.astype(jnp.bfloat16))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("dtype", "x64"), [("int32", False), ("uint8", True), ("bool", False)])
def test_integers_are_floats_as_in_jax(name: str, dtype: str, x64: bool) -> None:
    statistic, _ = STATISTICS[name]
    with jax.enable_x64(x64):
        whole = jnp.asarray(np.arange(7) * 5 % 7, dtype)
        as_floats = whole.astype(jnp.mean(whole).dtype)
        np.testing.assert_array_equal(statistic(whole, axis=0), statistic(as_floats, axis=0), strict=True)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_several_axes_are_one_and_may_be_kept(name: str) -> None:
    statistic, _ = STATISTICS[name]
    x, where = rows(24, "float32").reshape(6, 2, 3, 2), rows(25)[:, :24].reshape(6, 2, 3, 2) < 0.5
    for axis in (None, (3, 1)):
        axes = range(4) if axis is None else axis
        others = [d for d in range(4) if d not in axes]
        flat = (a.transpose(*others, *axes).reshape([*(a.shape[d] for d in others), -1]) for a in (x, where))
        flat, mask = flat
        for options, expected in (
            ({}, statistic(flat, axis=-1)),
            ({"where": where}, statistic(flat, axis=-1, where=mask)),
        ):
            actual = statistic(x, axis=axis, **options)
            np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)
            kept = statistic(x, axis=axis, keepdims=True, **options)
            more = actual.shape[len(others) :]  # the moments
            assert kept.shape == (*(1 if d in axes else n for d, n in enumerate(x.shape)), *more)
            np.testing.assert_array_equal(kept.reshape(actual.shape), actual)
