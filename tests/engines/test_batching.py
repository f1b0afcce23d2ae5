"""Functions that choose by size what to do, under vmap."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.engines.batching import over_leading_axes

X = np.random.default_rng(0).permutation(120).reshape(2, 3, 4, 5).astype(np.float32)


@pytest.fixture
def seen() -> list[tuple[int, ...]]:
    """The shapes that the function is called with."""
    return []


@pytest.fixture
def added(seen: list[tuple[int, ...]]) -> Callable[..., jax.Array]:
    """Running sums of the last axis, as a stand-in."""

    def function(x: jax.Array, y: jax.Array) -> jax.Array:
        seen.append(x.shape)
        assert x.shape == y.shape
        return jnp.cumsum(x + y, -1)

    return over_leading_axes(function)


def test_a_mapped_function_sees_one_more_leading_axis(
    added: Callable[..., Any], seen: list[tuple[int, ...]]
) -> None:
    expected = np.cumsum(X + X, -1)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.vmap(added)))(X, X), expected)
    assert seen[-1] == X.shape


@pytest.mark.parametrize(("in_axes", "y"), [((1, None), X[:, 0]), ((None, 1), X), ((1, 0), X.swapaxes(0, 1))])
def test_operands_are_mapped_over_any_axis_or_none(
    added: Callable[..., Any], seen: list[tuple[int, ...]], in_axes: tuple[int | None, int | None], y: Any
) -> None:
    x = X[:, 0] if in_axes[0] is None else X
    rows = [
        np.cumsum(
            (x if in_axes[0] is None else x[:, i]) + (y if in_axes[1] is None else np.take(y, i, in_axes[1])),
            -1,
        )
        for i in range(3)
    ]
    np.testing.assert_array_equal(jax.jit(jax.vmap(added, in_axes))(x, y), np.stack(rows))
    assert seen[-1] == (3, 2, 4, 5)
    out = jax.jit(jax.vmap(added, in_axes, out_axes=2))(x, y)
    np.testing.assert_array_equal(out, np.stack(rows, 2))


def test_unmapped_it_is_the_function_itself(added: Callable[..., Any], seen: list[tuple[int, ...]]) -> None:
    np.testing.assert_array_equal(added(X, X), np.cumsum(X + X, -1))
    assert set(seen) == {X.shape}
