"""lexsort, and sort_key_val by several keys, against NumPy's lexsort, bit for bit."""

from typing import Any

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort._several_keys import _find
from diffsort.implementations import Implementation, get_implementation
from tests.oracles import arrays, assert_same_bits, one_nan, without_denormals

SHAPE = (2, 7)
# One word of 32 bits, one of 64, and two sorts or more.
KEYS = [
    ("bool", "int16", "bfloat16"),
    ("int32", "float32"),
    ("float16", "uint32", "int8", "float32"),
]


def by_numpy(keys: Any, descending: Any, where: np.ndarray | None = None) -> np.ndarray:
    """The order of each row by keys of which the first decides first; masked elements last."""

    def place(key: np.ndarray, down: bool) -> np.ndarray:
        # Whole numbers in the order of the elements: equal ones, NaNs among them, share one.
        wide = np.asarray(key).astype(np.float64)
        sizes = np.unique(wide)  # which takes NaNs for equal, and puts them last
        found = np.searchsorted(sizes, wide)
        return -found if down else found

    places = [place(key, down) for key, down in zip(keys, descending, strict=True)]
    last = np.zeros(keys[0].shape) if where is None else ~where
    return np.lexsort((*places[::-1], last), axis=-1).astype(np.int32)


@pytest.mark.parametrize("dtypes", KEYS, ids=" ".join)
@hypothesis.settings(max_examples=15)
@hypothesis.given(data=st.data())
def test_it_is_the_lexsort_of_numpy(dtypes: tuple[str, ...], data: st.DataObject) -> None:
    keys = tuple(data.draw(arrays(dtype, SHAPE)) for dtype in dtypes)
    # Few different ones, so that later keys are asked.
    keys = tuple(np.take(key, np.arange(7) // 2, -1) if i == 0 else key for i, key in enumerate(keys))
    keys = tuple(without_denormals(key) for key in keys)
    where = np.arange(7) != data.draw(st.integers(0, 7))
    down = tuple(i % 2 == 1 for i in range(len(keys)))
    results = jax.device_get(_everything(keys, np.broadcast_to(where, SHAPE)))
    up = (False,) * len(keys)
    assert_same_bits(results["up"], by_numpy(keys, up))
    expected = by_numpy(keys, down, np.broadcast_to(where, SHAPE))
    for name in ("masked", "builtin", "without 64 bits"):
        assert_same_bits(results[name], expected, name)
    ordered, moved = results["sort_key_val"]
    assert_same_bits(moved, by_numpy(keys, up))
    for key, of in zip(ordered, keys, strict=True):
        assert_same_bits(one_nan(key), np.take_along_axis(one_nan(of), moved, -1))


@jax.jit
def _everything(keys: tuple[jax.Array, ...], where: jax.Array) -> dict[str, Any]:
    down = tuple(i % 2 == 1 for i in range(len(keys)))
    position = jax.lax.broadcasted_iota(jnp.int32, SHAPE, 1)
    manual = get_implementation("manual")
    assert isinstance(manual, Implementation)
    masked = {"descending": down[::-1], "where": where}
    return {
        "up": diffsort.lexsort(keys[::-1]),
        "masked": diffsort.lexsort(keys[::-1], **masked),
        "builtin": diffsort.lexsort(keys[::-1], **masked, implementation="builtin"),
        # As elsewhere than on CPU.
        "without 64 bits": _find(
            *(jnp.where(where, key, jnp.zeros_like(key)) for key in keys),
            where,
            chosen=manual,
            axis=1,
            descending=down,
            below=None,
            bits=32,
        ),
        "sort_key_val": diffsort.sort_key_val(keys, position),
    }


def test_under_x64() -> None:
    with jax.enable_x64(True):
        first, second = np.array([2**40, -(2**40), 2**40, 0]), np.array([3.0, 1, -1e-300, np.nan])
        np.testing.assert_array_equal(diffsort.lexsort((second, first)), [1, 3, 2, 0])


def test_keys_may_be_rows_and_lie_along_any_axis() -> None:
    keys = np.random.default_rng(0).integers(0, 3, (2, 5, 4))
    for axis in (0, -1):
        expected = np.lexsort(keys, axis=axis).astype(np.int32)
        assert_same_bits(diffsort.lexsort(jnp.asarray(keys), axis), expected)
        assert_same_bits(diffsort.lexsort(list(jnp.asarray(keys)), axis), expected)


def test_values_and_floating_keys_are_moved_by_one_permutation() -> None:
    group, key, value = jnp.array([1, 0, 1]), jnp.array([3.0, 5.0, 2.0]), jnp.array([7.0, 8.0, 9.0])

    def loss(key: jax.Array, value: jax.Array) -> jax.Array:
        (_, key), value = diffsort.sort_key_val((group, key), value**2)
        return key**2 @ jnp.array([1.0, 2.0, 3.0]) + value @ jnp.array([10.0, 20.0, 30.0])

    by_key, by_value = jax.jit(jax.grad(loss, (0, 1)))(key, value)
    np.testing.assert_array_equal(by_key, [18, 10, 8])  # they come third, first and second
    np.testing.assert_array_equal(by_value, [420, 160, 360])
    hessian = jax.hessian(loss)(key, value)
    np.testing.assert_array_equal(hessian, np.diag([6, 2, 4]))


def test_rows_follow_keys_of_one_column() -> None:
    keys = jnp.array([[1], [0], [1]]), jnp.array([[3.0], [5.0], [2.0]])
    (groups, _), rows = diffsort.sort_key_val(keys, jnp.arange(6.0).reshape(3, 2), 0)
    np.testing.assert_array_equal(groups, [[0], [1], [1]])
    np.testing.assert_array_equal(rows, [[2, 3], [4, 5], [0, 1]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: diffsort.lexsort(()), ValueError, "keys is empty"),
        (lambda: diffsort.lexsort((jnp.ones(3), jnp.ones(2))), ValueError, r"\(3,\), \(2,\): give them one"),
        (lambda: diffsort.lexsort((jnp.ones(3, complex),)), TypeError, "keys is complex64"),
        (
            lambda: diffsort.lexsort((jnp.ones(3),) * 2, descending=[True]),
            ValueError,
            "descending has 1 entries for 2 keys",
        ),
        (
            lambda: diffsort.lexsort((jnp.ones(3),) * 2, descending=[True, 2]),
            TypeError,
            "descending must be True or False, not 2",
        ),
        (
            lambda: diffsort.lexsort((jnp.ones(3),) * 2, implementation="softsort"),
            ValueError,
            "relaxed sort without a permutation",
        ),
        (lambda: diffsort.rank(jnp.ones(3), method="max_"), ValueError, "method='max_' is not one of"),
    ],
)
def test_mistakes_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
