"""The ops against jax.numpy.sort and argsort, bit for bit, derivatives included."""

import contextlib
from functools import cache, partial
from typing import Any

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from tests.oracles import (
    IMPLEMENTATIONS,
    arrays,
    assert_same_bits,
    bits,
    cotangents,
    is_floating,
    one_nan,
    permutation_matrix,
    stable_order,
)

CASES = [
    ("float32", (3,), 0),  # three elements: the least for which a permutation may not be its own inverse
    ("float32", (7,), -1),
    ("float32", (2, 3, 4), 1),
    ("float32", (5, 3), 0),
    ("float32", (6, 8), -1),  # small and larger arrays may be sorted and moved in different ways
    ("float32", (4, 70), -1),
    ("float32", (2, 3), None),
    ("float32", (0,), 0),
    ("float32", (1,), 0),
    ("float32", (0, 3), -1),
    ("float32", (2, 0), 1),
    ("float32", (2, 1), 1),
    ("float16", (2, 5), -1),
    ("bfloat16", (5, 2), 0),
    ("bfloat16", (60,), 0),
    ("float8_e4m3fn", (6,), 0),
    ("float8_e5m2", (6,), 0),
    ("float64", (2, 5), -1),
    ("float64", (5, 2), 0),
    ("int8", (6,), 0),
    ("int16", (6,), 0),
    ("int32", (2, 5), -1),
    ("uint8", (6,), 0),
    ("uint16", (6,), 0),
    ("uint32", (5, 2), 0),
    ("bool", (6,), 0),
    ("int64", (2, 5), -1),
    ("uint64", (5, 2), 0),
]
# The other real types that JAX sorts. Three of them its own sort gets wrong: it loses the order of NaN.
NARROW = [
    "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz",
    "float8_e8m0fnu", "float4_e2m1fn", "int4", "uint4",
]  # fmt: skip


def everything(sort: Any, argsort: Any, x: jax.Array) -> dict[str, jax.Array]:
    """Values, indices and, for floats, every derivative up to the second."""
    results = {"values": sort(x), "indices": argsort(x)}
    if is_floating(x.dtype):
        shape = results["values"].shape
        tangent, cotangent = (jnp.asarray(cotangents(s, x.dtype)) for s in (x.shape, shape))
        _, results["jvp"] = jax.jvp(sort, (x,), (tangent,))
        _, pull_back = jax.vjp(sort, x)
        (results["vjp"],) = pull_back(cotangent)
        # Quadratic: its Hessian Pᵀ diag(2c) P has no rounding in it, and no NaN of x.
        results["hessian"] = jax.hessian(lambda x: (cotangent * sort(x) ** 2).sum())(x)
    return results


@cache
def compiled(axis: int | None, descending: bool) -> Any:
    """jax.numpy and all implementations in one program, which compiles the faster for what they share."""
    options = {"axis": axis, "descending": descending}

    def program(x: jax.Array) -> dict[str, dict[str, jax.Array]]:
        results = {"jax.numpy": everything(partial(jnp.sort, **options), partial(jnp.argsort, **options), x)}
        for name in IMPLEMENTATIONS:
            ops = (partial(f, implementation=name, **options) for f in (diffsort.sort, diffsort.argsort))
            results[name] = everything(*ops, x)
        return results

    return jax.jit(program)


@cache
def compiled_relatives(axis: int, descending: bool, k: int) -> Any:
    def program(x: jax.Array) -> dict[str, dict[str, Any]]:
        return {name: relatives(x, name) for name in IMPLEMENTATIONS}

    def relatives(x: jax.Array, implementation: str) -> dict[str, Any]:
        options = {"axis": axis, "implementation": implementation}
        return {
            "sort_with_indices": diffsort.sort_with_indices(x, descending=descending, **options),
            "argsort": diffsort.argsort(x, descending=descending, **options),
            "rank": diffsort.rank(x, descending=descending, **options),
            "sort_key_val": diffsort.sort_key_val(x, x, descending=descending, **options),
            "top_k": diffsort.top_k(x, k, largest=descending, **options),
        }

    return jax.jit(program)


def wide_enough(dtype: str) -> contextlib.AbstractContextManager[None]:
    """64-bit types exist under x64 only."""
    return jax.enable_x64(True) if "64" in dtype else contextlib.nullcontext()


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize(("dtype", "shape", "axis"), CASES)
@hypothesis.settings(max_examples=25)
@hypothesis.given(data=st.data())
def test_equals_jax_numpy_bit_for_bit(
    dtype: str, shape: tuple[int, ...], axis: int | None, descending: bool, data: st.DataObject
) -> None:
    x = data.draw(arrays(dtype, shape))
    with wide_enough(dtype):
        results = jax.device_get(compiled(axis, descending)(x))
    expected = results.pop("jax.numpy")
    expected["indices"] = expected["indices"].astype(np.int32)  # int64 in jax.numpy under x64
    for implementation, actual in results.items():
        assert actual.keys() == expected.keys()
        for what in expected:
            pair = (one_nan(actual[what]), one_nan(expected[what]))
            if what == "hessian":
                # Off the diagonal a zero keeps its sign, unless it was added to another one.
                pair = (a + np.zeros_like(a) for a in pair)
            assert_same_bits(*pair, f"{what} of {implementation}")


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize(
    ("dtype", "shape", "axis"), [("float32", (2, 4, 3), 1), ("bfloat16", (6,), 0), ("int32", (2, 1), -1)]
)
@hypothesis.settings(max_examples=25)
@hypothesis.given(data=st.data())
def test_relatives_agree_with_each_other(
    dtype: str, shape: tuple[int, ...], axis: int, descending: bool, data: st.DataObject
) -> None:
    x = data.draw(arrays(dtype, shape))
    k = min(2, shape[axis])
    # `argsort` itself is held against jax.numpy's above.
    first = np.asarray(jnp.argsort(x, axis, descending=descending)).take(range(k), axis)
    for results in jax.device_get(compiled_relatives(axis, descending, k)(x)).values():
        indices = results["argsort"]
        moved = np.take_along_axis(one_nan(x), indices, axis)
        assert_same_bits(one_nan(results["sort_with_indices"][0]), moved)
        assert_same_bits(results["sort_with_indices"][1], indices)
        for ordered in results["sort_key_val"]:
            assert_same_bits(one_nan(ordered), moved)
        assert_same_bits(results["rank"], np.argsort(indices, axis).astype(np.int32))
        assert_same_bits(results["top_k"][1], first)
        assert_same_bits(one_nan(results["top_k"][0]), np.take_along_axis(one_nan(x), first, axis))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("n", [20, 60, 256])  # which may be sorted in different ways
@pytest.mark.parametrize("dtype", NARROW)
def test_narrow_types_sort_by_value(dtype: str, n: int, descending: bool) -> None:
    patterns = np.random.default_rng(0).permutation(256).astype(np.uint8)[:n]
    patterns[n // 2] = 0x80  # −0, or the NaN of types that have no −0
    is_whole_byte = dtype.startswith("float8")
    x = patterns.view(dtype) if is_whole_byte else (patterns.astype(np.int8) // 4).astype(dtype)
    expected = stable_order(x, descending=descending)
    values, indices = diffsort.sort_with_indices(x, descending=descending)
    np.testing.assert_array_equal(indices, expected)
    assert_same_bits(values, x[expected])
    if not dtype.endswith("fnuz"):
        values = diffsort.sort(x, descending=descending)
        assert_same_bits(one_nan(values), one_nan(jnp.sort(x, descending=descending)))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_on_a_three_cycle_the_cotangent_goes_through_the_inverse(implementation: str) -> None:
    # The least permutation that is not its own inverse: a rule that mixed the two up passes on pairs.
    x = jnp.array([2.0, 3.0, 1.0])
    indices = diffsort.argsort(x, implementation=implementation)
    inverse = diffsort.rank(x, implementation=implementation)
    np.testing.assert_array_equal(indices, [2, 0, 1])
    np.testing.assert_array_equal(inverse, [1, 2, 0])
    matrix = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32)
    np.testing.assert_array_equal(permutation_matrix(indices), matrix)
    np.testing.assert_array_equal(permutation_matrix(inverse), matrix.T)

    def sort(x: jax.Array) -> jax.Array:
        return diffsort.sort(x, implementation=implementation)

    vector = jnp.array([10.0, 20.0, 30.0])
    _, tangent = jax.jvp(sort, (x,), (vector,))
    (cotangent,) = jax.vjp(sort, x)[1](vector)
    np.testing.assert_array_equal(tangent, [30, 10, 20])  # P v
    np.testing.assert_array_equal(cotangent, [20, 30, 10])  # Pᵀ v


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_ties_share_out_gradients_as_in_jax_numpy(implementation: str, descending: bool) -> None:
    x = jnp.array([0.0, 1.0, -0.0, 1.0, jnp.nan, jnp.nan])
    weights = jnp.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    gradient = jax.grad(
        lambda x: weights @ diffsort.sort(x, descending=descending, implementation=implementation)
    )(x)
    # Going down, jax.numpy.sort reverses the ascending order, ties and all.
    np.testing.assert_array_equal(gradient, [6, 4, 5, 3, 2, 1] if descending else [1, 3, 2, 4, 5, 6])
    # argsort keeps ties in input order both ways.
    indices = diffsort.argsort(x, descending=descending, implementation=implementation)
    np.testing.assert_array_equal(indices, [4, 5, 1, 3, 0, 2] if descending else [0, 2, 1, 3, 4, 5])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_sort_key_val_moves_a_tree_and_rows(implementation: str) -> None:
    keys = jnp.array([[3.0], [1.0], [2.0]])
    values = {
        "rows": jnp.arange(6.0).reshape(3, 2),
        "names": (jnp.array([[30], [10], [20]]), jnp.array([[3j], [1j], [2j]])),
    }
    ordered, moved = diffsort.sort_key_val(keys, values, 0, implementation=implementation)
    np.testing.assert_array_equal(ordered, [[1], [2], [3]])
    np.testing.assert_array_equal(moved["rows"], [[2, 3], [4, 5], [0, 1]])
    np.testing.assert_array_equal(moved["names"][0], [[10], [20], [30]])
    np.testing.assert_array_equal(moved["names"][1], [[1j], [2j], [3j]])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_sort_key_val_is_differentiable_in_keys_and_values(implementation: str) -> None:
    def loss(keys: jax.Array, values: jax.Array) -> jax.Array:
        keys, values = diffsort.sort_key_val(keys, values, implementation=implementation)
        return keys @ jnp.array([1.0, 2.0, 3.0]) + values @ jnp.array([10.0, 20.0, 30.0])

    by_keys, by_values = jax.grad(loss, (0, 1))(jnp.array([2.0, 3.0, 1.0]), jnp.array([5.0, 5.0, 7.0]))
    np.testing.assert_array_equal(by_keys, [2, 3, 1])
    np.testing.assert_array_equal(by_values, [20, 30, 10])


@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_top_k_takes_the_first_of_equals(implementation: str, k: int) -> None:
    x = jnp.array([1.0, 2.0, 2.0])
    values, indices = diffsort.top_k(x, k, implementation=implementation)
    np.testing.assert_array_equal(values, np.array([2, 2, 1])[:k])
    np.testing.assert_array_equal(indices, np.array([1, 2, 0])[:k])
    gradient = jax.grad(lambda x: diffsort.top_k(x, k, implementation=implementation)[0].sum())(x)
    np.testing.assert_array_equal(gradient, [k == 3, k >= 1, k >= 2])


@pytest.mark.parametrize("op", [diffsort.sort, diffsort.argsort, diffsort.rank])
def test_axis_none_flattens(op: Any) -> None:
    x = jnp.array([[4.0, 2.0], [1.0, 3.0]])
    assert_same_bits(op(x, None), op(x.reshape(-1)))
    mask = jnp.array([True, False])
    assert_same_bits(op(x, None, where=mask), op(x.reshape(-1), where=jnp.tile(mask, 2)))


@pytest.mark.parametrize("bits_wide", [8, 16, 32])
def test_results_hold_the_original_bits(bits_wide: int) -> None:
    # A NaN has a sign and a payload, which a decoded key would have lost.
    x = np.array([np.nan, -np.nan, 1, -np.nan, 0.0, -0.0], np.float32)
    x = x.astype({8: jnp.float8_e5m2, 16: jnp.bfloat16, 32: jnp.float32}[bits_wide])
    np.testing.assert_array_equal(bits(diffsort.sort(x)), bits(x)[[4, 5, 2, 0, 1, 3]])
