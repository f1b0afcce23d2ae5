"""Mistakes in the arguments of pooling functions, and what is said of them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest

from diffsort.pooling import (
    featurewise_sort_pool,
    featurewise_sort_unpool,
    quantile_pool,
    sliced_wasserstein_pool,
    sort_pool,
    top_k_pool,
    trimmed_mean_pool,
)

X = jnp.ones((4, 3))


def unpool(**changed: object) -> Callable[[], jax.Array]:
    """A call of FSUnpool with one argument wrong."""
    arguments = {"x": jnp.ones(3), "knots": jnp.ones((3, 5)), "indices": jnp.zeros((4, 3), int)}
    return lambda: featurewise_sort_unpool(**{**arguments, **changed})


def embed(**changed: object) -> Callable[[], jax.Array]:
    """A call of PSWE with one argument wrong."""
    arguments = {
        "x": X,
        "directions": jnp.ones((3, 2)),
        "reference": jnp.ones((5, 2)),
        "weights": jnp.ones((5, 2)),
    }
    return lambda: sliced_wasserstein_pool(**{**arguments, **changed})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: featurewise_sort_pool(X, jnp.ones((2, 5))),
            ValueError,
            r"\(2, 5\).*expected \(3, pieces",
        ),
        (lambda: featurewise_sort_pool(X, jnp.ones((3, 1))), ValueError, "at least one piece"),
        (lambda: featurewise_sort_pool(jnp.ones(3), jnp.ones((3, 2))), ValueError, r"not \(3,\)"),
        (lambda: featurewise_sort_pool(jnp.ones((4, 3), int), jnp.ones((3, 2))), TypeError, "int32"),
        (
            lambda: featurewise_sort_pool(X, jnp.ones((3, 2)), reduction="max"),
            ValueError,
            "reduction='max' is neither 'sum' nor 'mean'",
        ),
        (
            lambda: featurewise_sort_pool(X, jnp.ones((3, 2)), return_indices="yes"),
            TypeError,
            "return_indices must be True or False, not 'yes'",
        ),
        (unpool(x=jnp.ones(2)), ValueError, r"indices of shape \(4, 3\) do not fit x of shape \(2,\)"),
        (unpool(x=jnp.ones((1, 3))), ValueError, r"do not fit x of shape \(1, 3\)"),
        (unpool(knots=jnp.ones((2, 5))), ValueError, r"expected \(3, pieces"),
        (unpool(where=jnp.ones(3, bool)), ValueError, r"\(3,\)"),
        (unpool(indices=jnp.ones((4, 3))), TypeError, "indices must be integers, not float32"),
        (unpool(x=jnp.ones(3, int)), TypeError, "x must be floating, not int32"),
        (unpool(knots=jnp.ones((3, 5), int)), TypeError, "knots must be floating, not int32"),
        (lambda: sort_pool(X, 0), ValueError, "k=0"),
        (lambda: sort_pool(X, 2, sort_channels=4), ValueError, "sort_channels=4.*1 and 3"),
        (lambda: sort_pool(X, 2, where=jnp.ones(5, bool)), ValueError, r"\(5,\)"),
        (lambda: sort_pool(X, 2, where=jnp.ones(4)), TypeError, "boolean, not float32"),
        (lambda: sort_pool(X, 2, implementation="manul"), ValueError, "Did you mean 'manual'"),
        (lambda: quantile_pool(X, ()), ValueError, "levels is empty"),
        (lambda: quantile_pool(X, (2,)), ValueError, r"levels has 2.0, which is not in \[0, 1\]"),
        (lambda: quantile_pool(X, (float("nan"),)), ValueError, "levels has nan"),
        (lambda: quantile_pool(X, 0.5), TypeError, "levels must be a sequence"),
        (lambda: quantile_pool(X, "0.5"), TypeError, "levels must be a sequence"),
        (lambda: quantile_pool(X, (0.5,), implementation="manul"), ValueError, "Did you mean 'manual'"),
        (lambda: quantile_pool(jnp.ones(3), (0.5,)), ValueError, r"not \(3,\)"),
        (lambda: trimmed_mean_pool(X, 0.5), ValueError, "proportion=0.5"),
        (lambda: trimmed_mean_pool(X, 0.1, where=jnp.ones(4)), TypeError, "boolean, not float32"),
        (lambda: trimmed_mean_pool(jnp.ones((4, 3), int), 0.1), TypeError, "x must be floating"),
        (lambda: top_k_pool(X, jnp.ones(3), 0), ValueError, "k=0 must be at least 1"),
        (lambda: top_k_pool(X, jnp.ones(3), 1.5), TypeError, "k must be a Python integer"),
        (
            lambda: top_k_pool(X, jnp.ones(3), 1, return_indices=2),
            TypeError,
            "return_indices must be True or False",
        ),
        (lambda: top_k_pool(X, jnp.ones((3, 1)), 1), ValueError, r"shape \(3, 1\); expected \(3,\)"),
        (lambda: top_k_pool(X, jnp.ones(3, int), 1), TypeError, "projection must be floating"),
        (embed(directions=jnp.ones((4, 2))), ValueError, r"\(4, 2\); expected \(3, projections\)"),
        (embed(reference=jnp.ones((5, 3))), ValueError, r"\(5, 3\); expected \(points, 2\)"),
        (embed(reference=jnp.ones((0, 2))), ValueError, r"\(0, 2\); expected \(points, 2\)"),
        (embed(weights=jnp.ones((4, 2))), ValueError, r"\(4, 2\); expected that of the reference, \(5, 2\)"),
        (embed(weights=jnp.ones((5, 2), int)), TypeError, "weights must be floating, not int32"),
        (embed(implementation="manul"), ValueError, "Did you mean 'manual'"),
    ],
)
def test_mistakes_are_named(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
