"""Activations that sort, against NumPy; their Jacobians are permutation matrices."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort.activations import full_sort, group_sort, max_min
from tests.oracles import IMPLEMENTATIONS, assert_same_bits, cotangents, one_nan, special_values, stable_order

RANDOM = np.random.default_rng(0)
# Ties, infinities and NaNs among them.
X = RANDOM.choice(np.array([0.5, 1, -2, 0.0, -0.0, np.inf, -np.inf, np.nan], np.float32), (5, 12))
WITHIN = {
    "pairs": (max_min, 2),
    "groups of 2": (partial(group_sort, group_size=2), 2),
    "groups of 3": (partial(group_sort, group_size=3), 3),
    "groups of 1": (partial(group_sort, group_size=1), 1),
    "all": (full_sort, 12),
}

with_activations = pytest.mark.parametrize(("activation", "size"), WITHIN.values(), ids=WITHIN)


def order_within_groups(x: np.ndarray, size: int) -> np.ndarray:
    """The permutation of each row, by Python's stable sort of each group."""
    groups = x.reshape(*x.shape[:-1], -1, size)
    offset = np.arange(groups.shape[-2], dtype=np.int32)[:, None] * size
    return (stable_order(groups) + offset).reshape(x.shape)


@with_activations
def test_values_and_gradients_are_moved_by_the_stable_permutation(
    activation: Callable[..., jax.Array], size: int
) -> None:
    order = order_within_groups(X, size)
    value, pull_back = jax.vjp(activation, X)
    assert_same_bits(value, np.take_along_axis(X, order, -1))
    assert_same_bits(
        jax.jvp(activation, (X,), (cotangents(X.shape, "float32"),))[1],
        np.take_along_axis(cotangents(X.shape, "float32"), order, -1),
    )
    expected = np.zeros_like(X)
    np.put_along_axis(expected, order, cotangents(X.shape, "float32"), -1)
    assert_same_bits(pull_back(jnp.asarray(cotangents(X.shape, "float32")))[0], expected)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 12])
def test_implementations_agree_bit_for_bit(size: int) -> None:
    cotangent = jnp.asarray(cotangents(X.shape, "float32"))

    def both(implementation: str) -> list[jax.Array]:
        value, pull_back = jax.vjp(partial(group_sort, group_size=size, implementation=implementation), X)
        return [value, *pull_back(cotangent)]

    for implementation in IMPLEMENTATIONS:
        for actual, expected in zip(both(implementation), both("builtin"), strict=True):
            # The built-in derivative adds cotangents to zeros, which is exact for these.
            assert_same_bits(actual, expected)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "float16", "bfloat16", "float8_e4m3fn"])
def test_pairs_of_every_dtype_and_value(dtype: str) -> None:
    special = special_values(jnp.dtype(dtype))
    if jnp.issubdtype(special.dtype, jnp.floating):  # hardware may take denormals for zeros
        with np.errstate(invalid="ignore"):
            special = special[~(np.abs(special) == jnp.finfo(dtype).smallest_subnormal)]
    pairs = np.stack(np.meshgrid(special, special), -1)
    assert_same_bits(one_nan(max_min(pairs)), one_nan(np.asarray(diffsort.sort(pairs))))


def test_any_axis() -> None:
    x = RANDOM.standard_normal((4, 6, 2)).astype(np.float32)
    for axis in (0, 1, 2, -1, -2):
        moved = np.moveaxis(x, axis, -1)
        expected = np.moveaxis(np.asarray(max_min(moved)), -1, axis)
        assert_same_bits(max_min(x, axis), expected)
        assert_same_bits(full_sort(x, axis), np.sort(x, axis))


def test_second_derivatives_and_vmap() -> None:
    x = RANDOM.standard_normal((3, 8)).astype(np.float32)

    def loss(x: jax.Array) -> jax.Array:
        return jnp.sum(max_min(x) ** 2)

    np.testing.assert_array_equal(jax.hessian(loss)(x[0]), 2 * np.eye(8, dtype=np.float32))
    assert_same_bits(jax.vmap(max_min)(x), max_min(x))
    assert_same_bits(jax.vmap(jax.grad(loss))(x), 2 * x)


def test_empty_arrays() -> None:
    assert max_min(jnp.zeros((3, 0))).shape == (3, 0)
    assert max_min(jnp.zeros((0, 4))).shape == (0, 4)
    assert full_sort(jnp.zeros((3, 0))).shape == (3, 0)


def test_pairs_are_not_sorted_but_other_implementations_are_asked() -> None:
    def count(implementation: str) -> int:
        program = jax.jit(partial(group_sort, group_size=2, implementation=implementation))
        return program.lower(X).as_text().count("stablehlo.sort")

    assert count("manual") == 0
    assert count("builtin") == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: group_sort(X, 5), ValueError, "group_size=5 does not divide 12, the length of axis 1"),
        (lambda: group_sort(X, 0), ValueError, "group_size=0 must be at least 1"),
        (lambda: group_sort(X, 1.5), TypeError, "group_size must be a Python integer"),
        (lambda: group_sort(X, 2, implementation="manul"), ValueError, "Did you mean 'manual'"),
        (lambda: group_sort(X, 2, 2), ValueError, "axis 2 is out of range"),
        (lambda: max_min(X, 0), ValueError, "group_size=2 does not divide 5"),
        (lambda: max_min(X.astype(complex)), TypeError, "complex"),
        (lambda: full_sort(X, None), TypeError, "axis must be a Python integer"),
    ],
)
def test_mistakes(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
