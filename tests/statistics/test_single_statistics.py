"""What is said of one order statistic only."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort

X = np.random.default_rng(0).standard_normal((4, 5, 6)).astype(np.float32)


@pytest.mark.parametrize("axis", [None, 1, -1, (0, 2), (2, 0), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("q", [0.25, [0.1, 0.5, 0.9]])
def test_quantile_takes_axes_as_jax_numpy_does(
    axis: int | tuple[int, ...] | None, keepdims: bool, q: float | list[float]
) -> None:
    actual = diffsort.quantile(X, jnp.array(q), axis, keepdims=keepdims)
    np.testing.assert_allclose(actual, jnp.quantile(X, jnp.array(q), axis, keepdims=keepdims), rtol=1e-6)
    where = X > -0.5
    if q == 0.25:
        masked = diffsort.quantile(X, q, axis, keepdims=keepdims, where=where)
        rest = jnp.nanquantile(jnp.where(where, X, jnp.nan), q, axis, keepdims=keepdims)
        np.testing.assert_allclose(masked, rest, rtol=1e-6)


METHODS = (
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen"),
    *("weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"),
)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_that_of_numpy(method: str) -> None:
    """Where a quantile falls on an element, halfway between two, or beyond the last, too; row i has i + 1."""
    n = 30
    x, where = np.random.default_rng(0).standard_normal(n), np.tri(n, dtype=bool)
    with np.errstate(invalid="ignore"):
        on, halfway = (np.unique((np.arange(n)[:, None] + a) / np.arange(1, n + 1)) for a in (0, 0.5))
    q = np.concatenate([on, halfway, np.linspace(0, 1, 101)])
    q = q[q <= 1]
    with jax.enable_x64(True):
        rows = np.broadcast_to(x, where.shape)
        actual = diffsort.quantile(rows, q, -1, method=method, where=where)
    expected = np.stack([np.quantile(x[: i + 1], q, method=method) for i in range(n)], 1)
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)
    ranks = diffsort.quantile(
        np.broadcast_to(np.arange(n, dtype=np.float32), where.shape), q, -1, method=method
    )
    np.testing.assert_allclose(ranks[:, 0], np.quantile(np.arange(n), q, method=method), rtol=1e-6, atol=1e-6)


def test_the_gradient_of_a_quantile_goes_to_two_elements() -> None:
    gradient = jax.grad(diffsort.quantile)(jnp.array([4.0, 1.0, 3.0, 2.0]), 0.75)
    np.testing.assert_allclose(gradient, [0.25, 0.0, 0.75, 0.0])
    slope = jax.grad(diffsort.quantile, 1)(jnp.array([4.0, 1.0, 3.0, 2.0]), 0.7)
    np.testing.assert_allclose(slope, 3.0, rtol=1e-6)  # n − 1 times the gap
    slope = jax.grad(lambda q: diffsort.quantile(jnp.array([4.0, 1.0, 3.0, 2.0]), q, method="weibull"))(0.7)
    np.testing.assert_allclose(slope, 5.0, rtol=1e-6)


def test_what_is_cut_may_be_infinite() -> None:
    x = jnp.array([jnp.inf, 1.0, 2.0, 3.0, -jnp.inf])
    for statistic in (
        lambda x: diffsort.trimmed_mean(x, 0.2),
        lambda x: diffsort.winsorized_mean(x, 0.2),
        diffsort.median,
        lambda x: diffsort.order_statistic(x, 2),
    ):
        value, gradient = jax.value_and_grad(statistic)(x)
        assert value == 2
        assert np.isfinite(gradient).all()
    assert diffsort.quantile(x, 1.0) == jnp.inf


@pytest.mark.parametrize("proportion", [0.1, 0.2, 0.3])
def test_proportions_are_counted_as_scipy_counts_them(proportion: float) -> None:
    """In float32, 0.1 × 30 may be less than 3. Row i has i + 1 elements."""
    n = 200
    x = np.broadcast_to(np.arange(n, dtype=np.float32) ** 2, (n, n))
    means = diffsort.trimmed_mean(x, proportion, where=np.tri(n, dtype=bool))
    for size, actual in enumerate(np.asarray(means), start=1):
        cut = int(proportion * size)
        expected = x[0, cut : size - cut].mean(dtype=np.float64)
        np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: diffsort.trimmed_mean(X, 0.5), ValueError, r"proportion=0.5 is not in \[0, 0.5\)"),
        (lambda: diffsort.winsorized_mean(X, -0.1), ValueError, "proportion=-0.1"),
        (lambda: diffsort.superquantile(X, 1.0), ValueError, "level=1.0"),
        (lambda: diffsort.superquantile(X, "much"), ValueError, "much"),
        (lambda: diffsort.quantile(X, 0.5, method="hazel"), ValueError, "'hazel' is not one of 'inverted"),
        (lambda: diffsort.quantile(X, np.zeros((2, 2))), ValueError, "q must be a scalar"),
        (lambda: diffsort.quantile(X, 0.5, (0, 0)), ValueError, "names an axis twice"),
        (lambda: diffsort.order_statistic(X, 6), ValueError, "k=6 is not between -6 and 5"),
        (lambda: diffsort.order_statistic(X, 1.5), TypeError, "k must be a Python integer"),
        (lambda: diffsort.l_moments(X, 0), ValueError, "order=0 is not between 1 and 6"),
        (lambda: diffsort.l_moments(X, 7), ValueError, "order=7"),
    ],
)
def test_mistakes(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
