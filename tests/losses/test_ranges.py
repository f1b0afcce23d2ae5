"""What is said of average_top_k, ranked_range and trimmed only."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort import losses

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
