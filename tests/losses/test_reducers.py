"""The reducers: their definitions in other words, and what is cut off."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import diffsort
from diffsort import losses
from diffsort.losses import cvar

X = np.array([3.0, -1.0, 7.0, 2.0, 5.0], np.float32)


def test_values_and_gradients_by_hand() -> None:
    for loss, expected, gradient in (
        (lambda x: losses.average_top_k(x, 2), (7 + 5) / 2, [0, 0, 1 / 2, 0, 1 / 2]),
        (lambda x: losses.ranked_range(x, 3, 1), (5 + 3) / 2, [1 / 2, 0, 0, 0, 1 / 2]),
        (lambda x: losses.trimmed(x, 0.4), (-1 + 2 + 3) / 3, [1 / 3, 1 / 3, 0, 1 / 3, 0]),
    ):
        value, slope = jax.value_and_grad(loss)(X)
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        np.testing.assert_allclose(slope, gradient, rtol=1e-6)


def test_of_fewer_losses_it_is_the_mean_of_those_there_are() -> None:
    where = np.arange(6)[:, None] > np.arange(5)  # row i has i losses: 3, −1, 7, …
    x = np.broadcast_to(X, where.shape)
    ranged = losses.ranked_range(x, 4, 2, where=where)
    np.testing.assert_allclose(ranged, [0, 0, 0, -1, (2 - 1) / 2, (3 + 2) / 2])
    top = losses.average_top_k(x, 4, where=where)
    np.testing.assert_allclose(top, [0, 3, 1, 3, 11 / 4, 17 / 4])


def test_what_does_not_count_may_be_infinite() -> None:
    x = jnp.array([1.0, jnp.inf, 2.0, 3.0, -jnp.inf])
    for loss in (
        lambda x: losses.ranked_range(x, 4, 1),
        lambda x: losses.trimmed(jnp.maximum(x, 2.0), 0.2) - 0.25,
        lambda x: losses.average_top_k(jnp.minimum(x, 3.0), 4) - 0.25,
    ):
        value, gradient = jax.value_and_grad(loss)(x)
        assert value == 2
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("proportion", [0.1, 0.3, 0.7])
def test_proportions_are_counted_in_float64(proportion: float) -> None:
    """In float32, 0.1 × 30 may be less than 3. Row i has i + 1 losses."""
    n = 200
    x = np.broadcast_to(np.arange(n, dtype=np.float32) ** 2, (n, n))
    means = losses.trimmed(x, proportion, where=np.tri(n, dtype=bool))
    expected = [np.mean(x[0, : size - int(proportion * size)], dtype=float) for size in range(1, n + 1)]
    np.testing.assert_allclose(means, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: losses.average_top_k(X, 0), ValueError, "k=0 must be at least 1"),
        (lambda: losses.average_top_k(X, 1.5), TypeError, "k must be a Python integer, not 1.5"),
        (lambda: losses.ranked_range(X, 2, 2), ValueError, r"m=2 is not in \[0, 2\)"),
        (lambda: losses.ranked_range(X, 2, -1), ValueError, "m=-1"),
        (lambda: losses.ranked_range(X, 2, None), TypeError, "m must be a Python integer"),
        (lambda: losses.trimmed(X, 1.0), ValueError, r"proportion=1.0 is not in \[0, 1\)"),
        (lambda: losses.trimmed(X, 0.5, where=X), TypeError, "where must be boolean"),
        (lambda: losses.trimmed(X, 0.5, axis=1), ValueError, "axis 1 is out of range"),
        (lambda: losses.trimmed(X, 0.5, implementation="quick"), ValueError, "unknown implementation"),
    ],
)
def test_mistakes(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


LEVELS = (0.0, 0.75, 0.99)
SMOOTHINGS = (1e-3, 0.3)


def rows(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((4, n)).astype(np.float32)


@pytest.mark.parametrize("level", LEVELS[1:])
def test_the_gradient_solves_the_quadratic_program(level: float) -> None:
    smoothing, x = 0.7, rows(6)[0].astype(np.float64)
    n = x.size
    found = scipy.optimize.minimize(
        lambda q: n * smoothing / 2 * ((q - 1 / n) ** 2).sum() - q @ x,
        np.full(n, 1 / n),
        jac=lambda q: n * smoothing * (q - 1 / n) - x,
        bounds=[(0, 1 / (n * (1 - level)))] * n,
        constraints={"type": "eq", "fun": lambda q: q.sum() - 1, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(partial(cvar, level=level, smoothing=smoothing))(x)
    np.testing.assert_allclose(value, -found.fun, rtol=1e-9)
    np.testing.assert_allclose(gradient, found.x, atol=1e-6)


@pytest.mark.parametrize("level", LEVELS)
def test_the_weights_are_weights_and_the_value_lies_between_its_limits(level: float) -> None:
    x = rows(40)
    hard, mean = diffsort.superquantile(x, level), x.mean(1)
    for smoothing in SMOOTHINGS:
        loss = jax.vmap(jax.value_and_grad(partial(cvar, level=level, smoothing=smoothing)))
        value, weights = jax.jit(loss)(x)
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
        assert weights.min() > -1e-6
        assert weights.max() < (1 + 1e-5) / (40 * (1 - level))
        by_loss = np.take_along_axis(np.asarray(weights), x.argsort(1), 1)
        assert np.diff(by_loss).min() > -1e-6
        rounding = 1e-5
        assert (value > np.maximum(mean, hard - smoothing * level / (1 - level) / 2) - rounding).all()
        assert (value < hard + rounding).all()


@pytest.mark.parametrize("level", LEVELS)
def test_the_limits(level: float) -> None:
    x = rows(9)
    for smoothing, limit in ((1e-7, diffsort.superquantile(x, level)), (1e6, x.mean(1))):
        np.testing.assert_allclose(cvar(x, level, smoothing=smoothing), limit, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(cvar(x, level), diffsort.superquantile(x, level))
    np.testing.assert_array_equal(cvar(x, level, smoothing=0), diffsort.superquantile(x, level))
    for extreme in (1e-300, 1e300):  # neither of which float32 can hold
        assert np.isfinite(cvar(x, level, smoothing=extreme)).all()


def test_one_smoothing_serves_every_number_of_losses() -> None:
    x = rows(7)
    once, often = (cvar(np.tile(x, times), 0.6, smoothing=0.5) for times in (1, 30))
    np.testing.assert_allclose(once, often, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.3, 1e3])
def test_the_hessian_is_the_derivative_of_the_weights(smoothing: float) -> None:
    loss = partial(cvar, level=0.6, smoothing=smoothing)
    with jax.enable_x64(True):
        x = rows(20)[0].astype(np.float64)
        hessian = jax.jit(jax.hessian(loss))(x)
        steps = 1e-6 * np.eye(20)
        gradients = jax.jit(jax.vmap(jax.grad(loss)))
        np.testing.assert_allclose(
            hessian, (gradients(x + steps) - gradients(x - steps)) / 2e-6, rtol=1e-6, atol=1e-8
        )
        np.testing.assert_allclose(hessian, hessian.T, atol=1e-12)
        assert np.linalg.eigvalsh(hessian).min() > -1e-12  # a maximum of affine functions is convex
        assert np.abs(hessian).max() > 1e-4 / smoothing


def test_a_hessian_by_hand() -> None:
    """With all losses on the affine piece it is that of a variance: (I − 1/n) / (n ν)."""
    hessian = jax.jit(jax.hessian(partial(cvar, level=0.5, smoothing=10.0)))(rows(4)[0])
    np.testing.assert_allclose(hessian, (np.eye(4) - 1 / 4) / 40, atol=1e-7)


def test_a_small_smoothing_far_from_zero_loses_nothing_to_rounding() -> None:
    x = np.array([1000.0, 1000.5, 1001.0, 1001.5, 1002.0], np.float32)
    gradient = jax.grad(partial(cvar, level=0.5, smoothing=1e-5))(x)
    np.testing.assert_allclose(gradient, [0, 0, 0.2, 0.4, 0.4], atol=1e-6)
    touching = np.array([1000.0, 1000.0, 1000.0 + 2**-13, 1000.0 + 2**-13], np.float32)
    gradient = jax.grad(partial(cvar, level=0.5, smoothing=2.0**-12))(touching)
    np.testing.assert_allclose(4 * gradient, [0.75, 0.75, 1.25, 1.25], atol=1e-6)


def test_an_infinite_loss_counts_as_it_does_unsmoothed() -> None:
    for x, expected in (([1.0, np.inf, 2.0, -np.inf], np.inf), ([1.0, 2.0, 3.0, -np.inf], 2.0625)):
        value, gradient = jax.value_and_grad(partial(cvar, level=0.5, smoothing=1.0))(jnp.array(x))
        assert value == expected
        assert np.isfinite(gradient).all()
    assert cvar(jnp.array([-jnp.inf, 0.0, 1.0]), 0.1, smoothing=1.0) == -np.inf


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"level": 1.0}, ValueError, r"level=1.0 is not in \[0, 1\)"),
        ({"level": -0.5}, ValueError, "level=-0.5"),
        ({"level": [0.5]}, TypeError, "level must be a Python number"),
        ({"level": 0.5, "smoothing": -1.0}, ValueError, r"smoothing=-1.0 is not in \[0, inf\)"),
        ({"level": 0.5, "smoothing": np.nan}, ValueError, "smoothing=nan"),
        ({"level": 0.5, "smoothing": 1.0, "implementation": "fast"}, ValueError, "unknown implementation"),
    ],
)
def test_mistakes_in_what_cvar_is_given(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cvar(rows(3), **options)
