"""The check of the article this project starts from: one million floats, against JAX's own gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from tests.oracles import assert_same_bits

N = 1_000_000


@pytest.fixture(scope="module")
def builtin() -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """x, a cotangent, and what jax.numpy.sort makes of the two."""
    x, cotangent = jax.random.normal(jax.random.key(0), (2, N))
    assert len(np.unique(x)) < N  # so many floats have ties
    return x, cotangent, *jax.jit(lambda x, c: value_and_vjp(jnp.sort, x, c))(x, cotangent)


def value_and_vjp(sort: object, x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
    value, pull_back = jax.vjp(sort, x)
    return value, pull_back(cotangent)[0]


@pytest.mark.parametrize("implementation", ["manual", "double_argsort"])
def test_one_million_floats(implementation: str, builtin: tuple[jax.Array, ...]) -> None:
    x, cotangent, expected_value, expected_gradient = builtin

    def sort(x: jax.Array) -> jax.Array:
        return diffsort.sort(x, implementation=implementation)

    value, gradient = jax.jit(lambda x, c: value_and_vjp(sort, x, c))(x, cotangent)
    assert_same_bits(value, expected_value)
    assert_same_bits(gradient, expected_gradient)
    assert not np.array_equal(gradient, cotangent)
