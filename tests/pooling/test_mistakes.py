"""Mistakes in the arguments of pooling functions, and what is said of them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest

from diffsort.pooling import featurewise_sort_pool, featurewise_sort_unpool, sort_pool


def unpool(**changed: object) -> Callable[[], jax.Array]:
    """A call of FSUnpool with one argument wrong."""
    arguments = {"x": jnp.ones(3), "knots": jnp.ones((3, 5)), "indices": jnp.zeros((4, 3), int)}
    return lambda: featurewise_sort_unpool(**{**arguments, **changed})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: featurewise_sort_pool(jnp.ones((4, 3)), jnp.ones((2, 5))),
            ValueError,
            r"\(2, 5\).*expected \(3, pieces",
        ),
        (lambda: featurewise_sort_pool(jnp.ones((4, 3)), jnp.ones((3, 1))), ValueError, "at least one piece"),
        (lambda: featurewise_sort_pool(jnp.ones(3), jnp.ones((3, 2))), ValueError, r"not \(3,\)"),
        (lambda: featurewise_sort_pool(jnp.ones((4, 3), int), jnp.ones((3, 2))), TypeError, "int32"),
        (unpool(x=jnp.ones(2)), ValueError, r"indices of shape \(4, 3\) do not fit x of shape \(2,\)"),
        (unpool(x=jnp.ones((1, 3))), ValueError, r"do not fit x of shape \(1, 3\)"),
        (unpool(knots=jnp.ones((2, 5))), ValueError, r"expected \(3, pieces"),
        (unpool(where=jnp.ones(3, bool)), ValueError, r"\(3,\)"),
        (unpool(indices=jnp.ones((4, 3))), TypeError, "indices must be integers, not float32"),
        (unpool(x=jnp.ones(3, int)), TypeError, "x must be floating, not int32"),
        (unpool(knots=jnp.ones((3, 5), int)), TypeError, "knots must be floating, not int32"),
        (lambda: sort_pool(jnp.ones((4, 3)), 0), ValueError, "k=0"),
        (lambda: sort_pool(jnp.ones((4, 3)), 2, sort_channels=4), ValueError, "sort_channels=4.*1 and 3"),
        (lambda: sort_pool(jnp.ones((4, 3)), 2, where=jnp.ones(5, bool)), ValueError, r"\(5,\)"),
        (lambda: sort_pool(jnp.ones((4, 3)), 2, where=jnp.ones(4)), TypeError, "boolean, not float32"),
        (lambda: sort_pool(jnp.ones((4, 3)), 2, implementation="manul"), ValueError, "Did you mean 'manual'"),
    ],
)
def test_mistakes_are_named(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
