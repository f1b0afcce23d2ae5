"""Masked elements: last, zero, without a gradient, and whatever they hold stays with them."""

from functools import cache, partial
from typing import Any

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from tests.oracles import IMPLEMENTATIONS, arrays, assert_same_bits, cotangents, is_floating, one_nan

ROWS, N = 3, 5
VALID = 3  # of each row, so that the slices of all rows make one array

DTYPES_64 = ["float64", "int64", "uint64"]


@st.composite
def masks(draw: st.DrawFn, valid: int = VALID) -> np.ndarray:
    """Masks with so many valid elements in each row."""
    pattern = [True] * valid + [False] * (N - valid)
    return np.array([draw(st.permutations(pattern)) for _ in range(ROWS)])


def everything(
    x: jax.Array, tangent: jax.Array, where: jax.Array, descending: bool, implementation: str
) -> dict[str, Any]:
    """All results and derivatives of the ops that take a mask."""
    options = {"where": where, "implementation": implementation}

    def sort(x: jax.Array) -> jax.Array:
        return diffsort.sort(x, descending=descending, **options)

    results = {
        "sort": sort(x),
        "argsort": diffsort.argsort(x, descending=descending, **options),
        "rank": diffsort.rank(x, descending=descending, **options),
        "sort_with_indices": diffsort.sort_with_indices(x, descending=descending, **options),
        "sort_key_val": diffsort.sort_key_val(x, tangent, descending=descending, **options),
        "top_k": diffsort.top_k(x, N - 1, **options),
    }
    if is_floating(x.dtype):
        cotangent = jnp.asarray(cotangents(x.shape, x.dtype))
        _, results["jvp"] = jax.jvp(sort, (x,), (tangent,))
        (results["vjp"],) = jax.vjp(sort, x)[1](cotangent)
        results["hessian"] = jax.hessian(lambda x: (cotangent * sort(x) ** 2).sum())(x)
        results["l_statistic"] = jax.value_and_grad(
            lambda x, w: diffsort.l_statistic(x, w, **options).sum(), argnums=(0, 1)
        )(x, cotangent)
    return results


@cache
def compiled(descending: bool) -> Any:
    """All implementations, and beside them what jax.numpy makes of the valid elements alone."""

    def program(x: jax.Array, tangent: jax.Array, where: jax.Array, valid: jax.Array) -> dict[str, Any]:
        results = {name: everything(x, tangent, where, descending, name) for name in IMPLEMENTATIONS}
        sort = partial(jnp.sort, descending=descending)
        results["slices"] = {"sort": sort(valid)}
        if is_floating(x.dtype):
            cotangent = jnp.asarray(cotangents(x.shape, x.dtype))[:, :VALID]
            (results["slices"]["vjp"],) = jax.vjp(sort, valid)[1](cotangent)
        return results

    return jax.jit(program)


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "uint8", "bool", *DTYPES_64])
@hypothesis.settings(max_examples=25)
@hypothesis.given(data=st.data())
def test_masked_elements_leave_no_trace(dtype: str, descending: bool, data: st.DataObject) -> None:
    x, garbage = data.draw(arrays(dtype, (ROWS, N))), data.draw(arrays(dtype, (ROWS, N)))
    where = data.draw(masks())
    tangent = cotangents(x.shape, dtype)
    valid = x[where].reshape(ROWS, VALID)
    with jax.enable_x64("64" in dtype):
        run = compiled(descending)
        results = jax.device_get(run(x, tangent, where, valid))
        dirty = jax.device_get(run(*(np.where(where, a, garbage) for a in (x, tangent)), where, valid))

    # Whatever is masked changes no bit of anything.
    jax.tree.map(assert_same_bits, dirty, results)

    slices = results.pop("slices")
    expected = np.concatenate([slices["sort"], np.zeros((ROWS, N - VALID), x.dtype)], -1)
    for implementation, actual in results.items():
        # A masked sort is the sort of the valid elements, then zeros.
        assert_same_bits(one_nan(actual["sort"]), one_nan(expected), implementation)
        # Masked elements come last in input order.
        last = np.array([np.flatnonzero(~row) for row in where], np.int32)
        assert_same_bits(actual["argsort"][:, VALID:], last, implementation)
        for indices in ("rank", "argsort"):
            np.testing.assert_array_equal(np.sort(actual[indices]), np.tile(np.arange(N), (ROWS, 1)))
        np.testing.assert_array_equal(np.argsort(actual["argsort"]), actual["rank"])
        # All ops agree.
        moved = np.take_along_axis(np.where(where, x, np.zeros_like(x)), actual["argsort"], -1)
        for name in ("sort_with_indices", "sort_key_val"):
            assert_same_bits(one_nan(actual[name][0]), one_nan(moved), implementation)
        if is_floating(x.dtype):
            assert_same_bits(actual["vjp"][where].reshape(ROWS, VALID), slices["vjp"], implementation)
            np.testing.assert_array_equal(actual["vjp"][~where], 0)
            np.testing.assert_array_equal(actual["jvp"][:, VALID:], 0)
            by_x, by_weights = actual["l_statistic"][1]
            np.testing.assert_array_equal(by_x[~where], 0)
            np.testing.assert_array_equal(by_weights[:, VALID:], 0)
            hessian = actual["hessian"]
            np.testing.assert_array_equal(hessian[~where], 0)
            np.testing.assert_array_equal(np.moveaxis(hessian, (0, 1), (2, 3))[~where], 0)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_all_masked_is_all_zero(implementation: str, descending: bool) -> None:
    x = jnp.array([jnp.nan, jnp.inf, 3.0])
    nothing = jnp.zeros(3, bool)

    def sort(x: jax.Array) -> jax.Array:
        return diffsort.sort(x, descending=descending, where=nothing, implementation=implementation)

    def statistic(x: jax.Array) -> jax.Array:
        return diffsort.l_statistic(x, jnp.ones(3), where=nothing, implementation=implementation)

    np.testing.assert_array_equal(sort(x), 0)
    np.testing.assert_array_equal(jax.vjp(sort, x)[1](jnp.ones(3))[0], 0)
    value, gradient = jax.value_and_grad(statistic)(x)
    np.testing.assert_array_equal([value, *gradient], 0)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_nan_sorts_after_infinity_and_before_what_is_masked(implementation: str) -> None:
    x = jnp.array([jnp.nan, 9.0, jnp.inf, -1.0])
    where = jnp.array([True, False, True, True])
    up = diffsort.sort(x, where=where, implementation=implementation)
    np.testing.assert_array_equal(up, [-1, np.inf, np.nan, 0])
    down = diffsort.sort(x, descending=True, where=where, implementation=implementation)
    np.testing.assert_array_equal(down, [np.nan, np.inf, -1, 0])


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int8"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_no_number_stands_for_masked(implementation: str, descending: bool, dtype: str) -> None:
    # Were masked elements filled with the greatest number, they would tie with it.
    info = np.iinfo(dtype)
    x = np.array([5, info.max, info.min, info.max, info.min], dtype)
    where = np.array([False, True, True, False, True])
    indices = diffsort.argsort(x, where=where, descending=descending, implementation=implementation)
    np.testing.assert_array_equal(indices, [1, 2, 4, 0, 3] if descending else [2, 4, 1, 0, 3])


@pytest.mark.parametrize(
    "where",
    [True, np.array([True, False, True]), np.array([[True], [False]]), np.array([[True, False, True]])],
    ids=["scalar", "row", "column", "matrix"],
)
@pytest.mark.parametrize("axis", [0, 1, None])
def test_masks_broadcast(where: Any, axis: int | None) -> None:
    x = jnp.array([[4.0, 2.0, 6.0], [1.0, 3.0, 5.0]])
    whole = np.broadcast_to(where, x.shape)
    assert_same_bits(diffsort.sort(x, axis, where=where), diffsort.sort(x, axis, where=whole))
    valid, count = np.asarray(x)[whole], int(whole.sum())
    flat = diffsort.sort(x, None, where=where)
    np.testing.assert_array_equal(flat, [*np.sort(valid), *[0] * (6 - count)])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_values_that_follow_masked_keys_come_back_as_zero(implementation: str) -> None:
    keys = jnp.array([[3.0], [jnp.nan], [2.0]])
    rows = jnp.array([[1.0, 2.0], [jnp.nan, jnp.inf], [5.0, 6.0]])
    where = jnp.array([[True], [False], [True]])

    def follow(keys: jax.Array, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        return diffsort.sort_key_val(keys, rows, 0, where=where, implementation=implementation)

    (keys_out, rows_out), pull_back = jax.vjp(follow, keys, rows)
    np.testing.assert_array_equal(keys_out, [[2], [3], [0]])
    np.testing.assert_array_equal(rows_out, [[5, 6], [1, 2], [0, 0]])
    by_keys, by_rows = pull_back((jnp.array([[1.0], [2.0], [3.0]]), jnp.arange(6.0).reshape(3, 2)))
    np.testing.assert_array_equal(by_keys, [[2], [0], [1]])
    np.testing.assert_array_equal(by_rows, [[2, 3], [0, 0], [0, 1]])
