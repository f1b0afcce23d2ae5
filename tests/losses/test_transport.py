"""What is said of wasserstein_1d only."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest

from diffsort.losses import wasserstein_1d
from tests.oracles import IMPLEMENTATIONS


def pair(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(n)
    return random.standard_normal(n).astype(np.float32), random.standard_normal(m).astype(np.float32) + 1


def test_values_and_gradients_by_hand() -> None:
    x, y = jnp.array([4.0, 0.0]), jnp.array([1.0, 9.0, 3.0])
    # By sixths of the quantiles: 0 0 0 4 4 4 against 1 1 3 3 9 9.
    for p, value, by_x, by_y in (
        (1, (1 + 1 + 3 + 1 + 5 + 5) / 6, [-1 / 6, -3 / 6], [2 / 6, 2 / 6, 0]),
        (2, (1 + 1 + 9 + 1 + 25 + 25) / 6, [2 * (1 - 5 - 5) / 6, -2 * (1 + 1 + 3) / 6], None),
    ):
        cost, gradients = jax.value_and_grad(wasserstein_1d, (0, 1))(x, y, p)
        np.testing.assert_allclose(cost, value, rtol=1e-6)
        np.testing.assert_allclose(gradients[0], by_x, rtol=1e-6)
        if by_y:
            np.testing.assert_allclose(gradients[1], by_y, atol=1e-7)


@pytest.mark.parametrize("p", [1, 1.5, 3])
def test_of_a_sample_and_itself_it_is_zero_with_a_gradient_of_zero(p: float) -> None:
    """The reason to return the power: the root has no gradient here."""
    x, _ = pair(7, 7)
    for function in (
        lambda x, y: wasserstein_1d(x, y, p),
        lambda x, y: wasserstein_1d(x, jnp.concatenate([y, y]), p),
        lambda x, y: wasserstein_1d(x, y, p, where=np.arange(7) < 5, target_where=np.arange(7) < 5),
    ):
        value, gradients = jax.jit(jax.value_and_grad(function, (0, 1)))(x, x)
        assert value == 0
        for gradient in gradients:
            np.testing.assert_array_equal(gradient, 0)
        if p > 1:
            assert np.isfinite(jax.jit(jax.hessian(function))(x, x)).all()


def test_both_paths_agree() -> None:
    """With equal weights the levels of both samples coincide."""
    x, y = pair(40, 40)
    for p in (1, 2.5):
        fast = jax.value_and_grad(wasserstein_1d, (0, 1))(x, y, p)
        for options in ({"where": np.ones(40, bool)}, {"weights": np.full(40, 3.0, np.float32)}):
            loss = partial(wasserstein_1d, p=p, **options)
            general = jax.jit(jax.value_and_grad(loss, (0, 1)))(x, y)
            for a, b in zip(jax.tree.leaves(general), jax.tree.leaves(fast), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (5, 1), (3, 100), (300, 200)])
def test_sizes(n: int, m: int) -> None:
    x, y = pair(n, m)
    expected = ot.wasserstein_1d(x.astype(np.float64), y.astype(np.float64), p=2)
    np.testing.assert_allclose(wasserstein_1d(x, y, 2), expected, rtol=1e-5)
    gradient = jax.grad(wasserstein_1d)(x, y, 1.0) * n
    assert np.abs(gradient).max() < 1 + 1e-6  # each element moves the distance by its share at most


def test_without_weights_shares_are_not_rounded() -> None:
    """Above all elements of the other sample, each has the whole of its share."""
    x, y = np.arange(999, dtype=np.float32) + 5000, np.arange(4000, dtype=np.float32)
    gradient = jax.grad(wasserstein_1d)(x, y)
    np.testing.assert_allclose(gradient, np.full(999, 1 / 999), rtol=1e-6)


def test_weights_are_normalised_and_their_gradient_keeps_that() -> None:
    x, y = pair(6, 9)
    w, v = np.abs(x) + 0.1, np.abs(y) + 0.1

    def cost(w: jax.Array, v: jax.Array) -> jax.Array:
        return wasserstein_1d(x, y, 2, weights=w, target_weights=v)

    np.testing.assert_allclose(cost(w, v), cost(5 * w, v / 3), rtol=1e-5)
    for weights, gradient in zip((w, v), jax.grad(cost, (0, 1))(w, v), strict=True):
        np.testing.assert_allclose(weights @ gradient, 0, atol=1e-5)  # scaling them does nothing
        assert np.abs(gradient).max() > 0.01


def test_a_weight_of_zero_is_no_element() -> None:
    x, y = jnp.array([1.0, jnp.inf, 3.0]), jnp.array([0.0, 2.0])
    weights = jnp.array([1.0, 0.0, 1.0])
    cost, gradient = jax.value_and_grad(lambda x: wasserstein_1d(x, y, weights=weights))(x)
    assert cost == 1
    np.testing.assert_allclose(gradient, [0.5, 0, 0.5])
    assert wasserstein_1d(x, y, weights=jnp.zeros(3)) == 0
    assert np.isnan(wasserstein_1d(x, y, weights=jnp.array([1.0, jnp.nan, 1.0])))
    masked = wasserstein_1d(x, y, weights=jnp.array([1.0, jnp.nan, 1.0]), where=jnp.isfinite(x))
    assert masked == 1


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_equal_sizes_take_two_sorts_and_no_more(implementation: str) -> None:
    x, y = pair(8, 8)
    value = wasserstein_1d(x, y, 1, implementation=implementation)
    np.testing.assert_array_equal(value, jnp.mean(jnp.abs(jnp.sort(x) - jnp.sort(y))))


X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: wasserstein_1d(X, X, 0.5), ValueError, r"p=0.5 is not in \[1, inf\)"),
        (lambda: wasserstein_1d(X, X, "2nd"), ValueError, "2nd"),
        (lambda: wasserstein_1d(X, X[0]), ValueError, r"targets of shape \(3,\) do not fit predictions"),
        (lambda: wasserstein_1d(X, X, axis=2), ValueError, "axis 2 is out of range"),
        (lambda: wasserstein_1d(X, X[:1]), ValueError, "all but axis 1 must be equal"),
        (lambda: wasserstein_1d(X, X, weights=X[:, :2]), ValueError, r"weights has shape \(2, 2\)"),
        (
            lambda: wasserstein_1d(X, X, target_weights=[1, 2, 3]),
            TypeError,
            "target_weights must be floating",
        ),
        (lambda: wasserstein_1d(X, X, where=X), TypeError, "^where must be boolean, not float32"),
        (lambda: wasserstein_1d(X, X, target_where=X), TypeError, "target_where must be boolean"),
        (lambda: wasserstein_1d(X, X, target_where=[True]), ValueError, None),
        (lambda: wasserstein_1d(X, X, implementation="fast"), ValueError, "unknown implementation 'fast'"),
    ],
)
def test_mistakes(call: object, error: type[Exception], message: str | None) -> None:
    if message is None:
        assert call().shape == (2,)  # one entry broadcasts
        return
    with pytest.raises(error, match=message):
        call()
