"""L-statistics: values by hand, and gradients that are a permutation of the weights, to the bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from tests.oracles import IMPLEMENTATIONS, assert_same_bits

X = np.array([[3.0, 1.0, 2.0, -1.5], [0.25, 7.0, -4.0, 7.0]], np.float32)
WEIGHTS = np.array([0.5, 0.3, -0.2, 0.7], np.float32)
MASK = np.array([[True, False, True, True], [False, True, True, False]])
# Nothing that adding to zero or multiplying could round away.
COTANGENT = np.array([1.25, -3.0], np.float32)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_value_by_hand(implementation: str) -> None:
    value = diffsort.l_statistic(X, WEIGHTS, implementation=implementation)
    by_hand = [
        0.5 * -1.5 + 0.3 * 1 - 0.2 * 2 + 0.7 * 3,
        0.5 * -4 + 0.3 * 0.25 - 0.2 * 7 + 0.7 * 7,
    ]
    np.testing.assert_allclose(value, by_hand, rtol=1e-6)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_gradients_are_weights_by_rank_and_sorted_elements_by_weight(
    implementation: str, masked: bool
) -> None:
    where = MASK if masked else None
    valid = np.broadcast_to(True if where is None else where, X.shape)
    # A weight for each row: summed over rows, the gradient would depend on the order of the sum.
    weights = np.stack([WEIGHTS, WEIGHTS[::-1]])

    def statistic(x: jax.Array, weights: jax.Array) -> jax.Array:
        return diffsort.l_statistic(x, weights, where=where, implementation=implementation)

    by_x, by_weights = jax.vjp(statistic, X, weights)[1](jnp.asarray(COTANGENT))

    expected_by_x, expected_by_weights = np.zeros_like(X), np.zeros_like(X)
    for row in range(2):
        (positions,) = np.nonzero(valid[row])
        elements = X[row, positions]
        rank = elements.argsort(kind="stable").argsort()
        expected_by_x[row, positions] = weights[row, rank] * COTANGENT[row]
        expected_by_weights[row, : positions.size] = np.sort(elements) * COTANGENT[row]
    assert_same_bits(by_x, expected_by_x)
    assert_same_bits(by_weights, expected_by_weights)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_mask_equals_slice(implementation: str) -> None:
    where = np.array([True, False, True, True])
    masked = diffsort.l_statistic(X, WEIGHTS, where=where, implementation=implementation)
    sliced = diffsort.l_statistic(X[:, where], WEIGHTS[:3], implementation=implementation)
    assert_same_bits(masked, sliced)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_any_axis_and_all_shapes_of_weights(axis: int) -> None:
    x = np.random.default_rng(0).integers(-9, 9, (3, 3, 3)).astype(np.float32)
    weights = np.array([1.0, -2.0, 4.0], np.float32)
    expected = np.tensordot(np.sort(x, axis), weights, ((axis,), (0,)))
    aligned = weights.reshape([3 if d == axis % 3 else 1 for d in range(3)])
    for shaped in (weights, aligned, np.broadcast_to(aligned, x.shape)):
        np.testing.assert_array_equal(diffsort.l_statistic(x, shaped, axis), expected)


def test_weights_of_one_row_collect_all_cotangents() -> None:
    gradient = jax.grad(lambda w: diffsort.l_statistic(X, w).sum())(WEIGHTS)
    np.testing.assert_array_equal(gradient, np.sort(X).sum(0))


@pytest.mark.parametrize(
    ("x", "weights", "result"),
    [
        ("float32", "bfloat16", "float32"),
        ("bfloat16", "float32", "float32"),
        ("bfloat16", "bfloat16", "bfloat16"),
        ("float16", "bfloat16", "float32"),
    ],
)
def test_the_common_dtype(x: str, weights: str, result: str) -> None:
    with jax.numpy_dtype_promotion("standard"):
        value = diffsort.l_statistic(jnp.asarray(X, x), jnp.asarray(WEIGHTS, weights))
    assert value.dtype == result


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("n", [0, 1])
def test_sets_of_no_element_and_of_one(implementation: str, n: int) -> None:
    x = jnp.full((2, n), 3.0)
    value, gradient = jax.value_and_grad(
        lambda x: diffsort.l_statistic(x, jnp.full(n, 2.0), implementation=implementation).sum()
    )(x)
    assert value == 12 * n
    np.testing.assert_array_equal(gradient, np.full((2, n), 2.0))
