"""What is said of quantile_loss only."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.losses import quantile_loss

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.standard_normal((2, 4, 6)).astype(np.float32)
LEVELS = np.array([0.1, 0.25, 0.5, 0.9], np.float32)


def by_definition(predicted: float, observed: float, level: float) -> float:
    error = observed - predicted
    return level * error if error > 0 else (level - 1) * error


def test_one_level_gives_the_loss_of_each_element() -> None:
    loss = quantile_loss(X, Y, 0.3)
    expected = [by_definition(x, y, 0.3) for x, y in zip(X.ravel(), Y.ravel(), strict=True)]
    np.testing.assert_allclose(loss.ravel(), expected, rtol=1e-5)
    where = X > 0
    np.testing.assert_allclose(quantile_loss(X, Y, 0.3, where=where), np.where(where, loss, 0))


@pytest.mark.parametrize("axis", [0, 1, -2])
def test_several_levels_give_their_mean(axis: int) -> None:
    predicted = np.moveaxis(X, 0, axis)
    where = np.moveaxis(X > -0.5, 0, axis)
    loss = np.array([[by_definition(X[k, j], Y[0, j], LEVELS[k]) for j in range(6)] for k in range(4)])
    np.testing.assert_allclose(quantile_loss(predicted, Y[0], LEVELS, axis), loss.mean(0), rtol=1e-5)
    masked = quantile_loss(predicted, Y[0], LEVELS, axis, where=where)
    np.testing.assert_allclose(masked, np.ma.array(loss, mask=X <= -0.5).mean(0), rtol=1e-5)


def test_its_minimisers_are_the_quantiles() -> None:
    observed = np.sort(RANDOM.standard_normal(1000).astype(np.float32))
    candidates = jnp.linspace(-2, 2, 801)
    for level in (0.1, 0.5, 0.77):
        shape = (801, 1000)
        predicted = np.broadcast_to(candidates[:, None], shape)
        risk = quantile_loss(predicted, np.broadcast_to(observed, shape), level).mean(1)
        np.testing.assert_allclose(candidates[jnp.argmin(risk)], np.quantile(observed, level), atol=0.02)


def test_the_gradient_is_the_level_below_and_the_level_less_one_above() -> None:
    gradient = jax.grad(lambda x: quantile_loss(x, jnp.zeros(2), 0.75).sum())(jnp.array([-1.0, 1.0]))
    np.testing.assert_allclose(gradient, [-0.75, 0.25])


def test_levels_may_be_traced() -> None:
    loss = jax.jit(quantile_loss)(X[:, 0], Y[0, 0], LEVELS)
    np.testing.assert_allclose(loss, quantile_loss(X[:, 0], Y[0, 0], LEVELS), rtol=1e-6)
    assert np.isfinite(jax.grad(quantile_loss, 2)(X[:, 0], Y[0, 0], jnp.asarray(LEVELS))).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: quantile_loss(X, Y, 0.0), ValueError, "levels=0.0 must be between 0 and 1"),
        (lambda: quantile_loss(X, Y[0], [0.1, 0.2, 0.3, 1.0], 0), ValueError, "must be between 0 and 1"),
        (lambda: quantile_loss(X, Y, np.nan), ValueError, "levels=nan"),
        (lambda: quantile_loss(X, Y, 1), TypeError, "levels must be floating"),
        (
            lambda: quantile_loss(X, Y, np.full((2, 2), 0.5)),
            ValueError,
            "levels must be a scalar or have one",
        ),
        (lambda: quantile_loss(X, Y[0], 0.5), ValueError, r"expected \(4, 6\), for one level"),
        (lambda: quantile_loss(X, Y, LEVELS, 0), ValueError, r"expected \(6,\), for levels along axis 0"),
        (lambda: quantile_loss(X, Y, LEVELS, 1), ValueError, "levels has length 4, but axis 1"),
        (lambda: quantile_loss(X, Y, 0.5, where=X), TypeError, "where must be boolean"),
    ],
)
def test_mistakes(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
