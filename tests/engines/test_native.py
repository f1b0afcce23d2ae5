"""The native engine against Python's own sort, bit for bit, and that it says where it cannot run."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort.engines import Engine, library
from tests.oracles import arrays, assert_same_bits, is_floating, special_values, stable_order

if (reason := library.why_unavailable()) is not None:
    pytest.skip(f"the native engine is not available: {reason}", allow_module_level=True)

NATIVE = Engine("native")
KERNEL_TYPES = [
    *("bool", "bfloat16", "float16", "float32", "float64"),
    *(f"{kind}{size}" for kind in ("int", "uint") for size in (8, 16, 32, 64)),
]
OTHERS = ["float8_e5m2", "int4"]  # sorted as wider ones
ORDERS = [(descending, ties_reversed) for descending in (False, True) for ties_reversed in (False, True)]
FLUSHED = ("bfloat16", "float32", "float64")  # denormals of these equal zero, by XLA's CPU code

# By the shape a method of the kernel is reached: the least sizes at which it is, and one more.
COLUMNS, RAGGED_COLUMNS, SOME_ROWS, SPLIT_ROWS = (2, 5, 32), (1, 7, 19), (35, 9), (3, 600)
SHAPES = {
    "one": ((1,), 0),
    "a short row": ((7,), 0),
    "a row over all lanes": ((131,), 0),
    "rows": (SOME_ROWS, 1),
    "few rows": ((3, 40), 1),
    "rows over all lanes": (SPLIT_ROWS, 1),
    "columns": (COLUMNS, 1),
    "more columns": (RAGGED_COLUMNS, 1),
    "columns of rows": ((9, 2, 3), 0),
}


def wide(dtype: Any) -> Any:
    """64-bit types exist under enable_x64 only."""
    return jax.enable_x64(jnp.dtype(dtype).itemsize == 8)


def as_ordered(x: np.ndarray) -> np.ndarray:
    """Zeros for the denormals that the kernel takes for zeros: their order alone."""
    if x.dtype.name not in FLUSHED:
        return x
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(x) < jnp.finfo(x.dtype).smallest_normal, np.zeros_like(x), x)


def expected_order(
    x: np.ndarray, where: np.ndarray | None, axis: int, descending: bool, ties_reversed: bool
) -> np.ndarray:
    rows = np.moveaxis(as_ordered(x), axis, -1)
    mask = None if where is None else np.moveaxis(where, axis, -1)
    if not ties_reversed:
        found = stable_order(rows, mask, descending)
    else:
        found = stable_order(rows[..., ::-1], None if mask is None else mask[..., ::-1], descending)
        found = np.int32(rows.shape[-1] - 1) - found
    return np.ascontiguousarray(np.moveaxis(found, -1, axis))


def same(actual: Any, expected: np.ndarray, what: str) -> None:
    if actual.dtype.name == "int4":
        actual, expected = np.asarray(actual).astype(np.int8), expected.astype(np.int8)
    assert_same_bits(actual, expected, what)


def all_of(x: jax.Array, where: jax.Array | None, axis: int) -> dict[str, Any]:
    """Every function of the engine, in every order."""
    narrow = jnp.dtype(jnp.uint16)
    results: dict[str, Any] = {}
    for order in ORDERS:
        options: dict[str, Any] = {"axis": axis, "descending": order[0], "where": where}
        results[f"argsort {order}"] = NATIVE.argsort(x, **options, ties_reversed=order[1])
        results[f"narrow {order}"] = NATIVE.argsort(x, **options, ties_reversed=order[1], dtype=narrow)
        results[f"pair {order}"] = NATIVE.sort_with_indices(x, **options, ties_reversed=order[1])
        pair = NATIVE.sort_with_indices(x, **options, ties_reversed=order[1], dtype=narrow)
        results[f"narrow pair {order}"] = pair
        results[f"scattered {order}"] = NATIVE.scatter(*pair, axis)
        results[f"gathered {order}"] = NATIVE.gather(x, pair[1], axis)
    for descending in (False, True):
        results[f"values {descending}"] = NATIVE.sort(x, axis=axis, descending=descending, where=where)
    return results


def check_all(results: dict[str, Any], x: np.ndarray, where: np.ndarray | None, axis: int) -> None:
    for order in ORDERS:
        indices = expected_order(x, where, axis, *order)
        values = np.take_along_axis(x, indices, axis)
        same(results[f"argsort {order}"], indices, f"{order}")
        same(results[f"narrow {order}"], indices.astype(np.uint16), f"{order}, narrow")
        for name, dtype in (("pair", np.int32), ("narrow pair", np.uint16)):
            same(results[f"{name} {order}"][0], values, f"{name} {order}")
            same(results[f"{name} {order}"][1], indices.astype(dtype), f"{name} {order}")
        same(results[f"scattered {order}"], x, f"{order}")
        same(results[f"gathered {order}"], values, f"{order}")
        if order[0] == order[1]:
            same(results[f"values {order[0]}"], values, f"values alone, descending={order[0]}")


@cache
def compiled(axis: int) -> Callable[..., dict[str, Any]]:
    return jax.jit(partial(all_of, axis=axis))


@st.composite
def inputs(draw: st.DrawFn, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Any patterns; or zeros of both signs, one key or denormals alone."""
    if dtype == "int4":
        return draw(arrays("int8", shape)).astype(dtype)
    x = draw(arrays(dtype, shape))
    special = special_values(dtype)
    few = [special, special[:1]]
    if is_floating(dtype):
        with np.errstate(invalid="ignore"):
            few += [special[special == 0], special[np.abs(special) <= jnp.finfo(dtype).smallest_normal]]
    kind = draw(st.integers(0, 2 * len(few)))
    if kind >= len(few):
        return x
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.choice(few[kind], shape)


@pytest.mark.parametrize("dtype", KERNEL_TYPES + OTHERS)
@pytest.mark.parametrize("size", SHAPES)
@hypothesis.settings(max_examples=8)
@hypothesis.given(data=st.data())
def test_every_function_in_every_order(size: str, dtype: str, data: st.DataObject) -> None:
    shape, axis = SHAPES[size]
    x = data.draw(inputs(dtype, shape))
    where = data.draw(st.none() | arrays("bool", shape))
    if where is not None:
        x = np.where(where, x, np.zeros_like(x))  # as engines are told to expect
    with wide(dtype):
        results = jax.device_get(compiled(axis)(x, where))
    check_all(results, x, where, axis)


def key_order(keys: np.ndarray, where: np.ndarray | None, descending: bool) -> np.ndarray:
    """As `expected_order`, for a long row of integers."""
    last = np.zeros(keys.shape, bool) if where is None else ~where
    signed = -keys.astype(np.int64) if descending else keys
    return np.lexsort((np.arange(keys.size), signed, last)).astype(np.int32)


# A row of more than 8192 elements takes a quicksort.
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int16", "uint32", "float64", "int64"])
@pytest.mark.parametrize("kinds", [1, 2, 70, 2**15])
@pytest.mark.parametrize("layout", [(8193,), (70_000,), (3, 9000), (9000, 2)], ids=str)
def test_long_rows(dtype: str, kinds: int, layout: tuple[int, ...]) -> None:
    axis = int(np.argmax(layout))
    random = np.random.default_rng(kinds)
    x = random.integers(0, kinds, layout).astype(dtype)
    if dtype == "float32" and kinds == 70:  # crowded, with few far away
        x = np.where(random.random(layout) < 0.01, x * np.float32(1e30), x * np.float32(1e-30))
    where = random.random(layout) < 0.8
    masked = np.where(where, x, np.zeros_like(x))
    with wide(dtype):
        pair = partial(NATIVE.sort_with_indices, axis=axis)
        program = jax.jit(
            lambda x, masked, where: (
                pair(x, descending=False, where=None),
                pair(masked, descending=True, where=where),
                NATIVE.sort(x, axis=axis, descending=False, where=None),
            )
        )
        (values, indices), (down, down_indices), alone = jax.device_get(program(x, masked, where))
    key = np.int64 if dtype.endswith("64") else np.float32
    rows = [np.moveaxis(a, axis, -1).reshape(-1, layout[axis]) for a in (x, masked, where)]
    # Whole numbers of a known order: their ranks among each other are the keys.
    ranks = [np.unique(a.astype(key), return_inverse=True)[1].reshape(a.shape) for a in rows[:2]]
    shape = np.moveaxis(x, axis, -1).shape

    def laid_out(found: list[np.ndarray]) -> np.ndarray:
        return np.moveaxis(np.stack(found).reshape(shape), -1, axis)

    up = laid_out([key_order(k, None, False) for k in ranks[0]])
    assert_same_bits(indices, up)
    assert_same_bits(values, np.take_along_axis(x, up, axis))
    assert_same_bits(alone, values)
    expected = laid_out([key_order(k, w, True) for k, w in zip(ranks[1], rows[2], strict=True)])
    assert_same_bits(down_indices, expected)
    assert_same_bits(down, np.take_along_axis(masked, expected, axis))


def test_a_row_so_long_that_a_word_has_no_room_for_all_keys() -> None:
    """From 2^20 elements on, a key and an index together need more bits than a double can hold."""
    random = np.random.default_rng(0)
    x = (np.exp(10 * random.standard_normal(3_000_000)) - 1).astype(np.float32)
    pair = jax.jit(partial(NATIVE.sort_with_indices, axis=0, descending=False, where=None))
    values, indices = jax.device_get(pair(x))
    np.testing.assert_array_equal(indices, np.argsort(x, stable=True))
    assert_same_bits(values, x[indices])


def test_a_long_row_of_nans_and_zeros_keeps_their_patterns() -> None:
    random = np.random.default_rng(0)
    patterns = np.array([0x7FC00001, 0xFFC01234, 0, 0x80000000, 1, 0x80000001, 0x3F800000], np.uint32)
    x = random.choice(patterns, 20_000).view(np.float32)
    for axis, shape in ((0, (20_000,)), (1, (2, 10_000)), (0, (10_000, 2))):
        rows = x.reshape(shape)
        values = jax.jit(partial(NATIVE.sort, axis=axis, descending=False, where=None))(rows)
        with np.errstate(invalid="ignore"):
            order = np.argsort(as_ordered(rows) + np.float32(0), axis, stable=True)
        assert_same_bits(values, np.take_along_axis(rows, order, axis))


@pytest.mark.parametrize("index_dtype", ["uint16", "int32"])
@pytest.mark.parametrize("dtype", [*KERNEL_TYPES, "complex64", "complex128", "float8_e4m3fn"])
def test_gather_and_scatter_are_inverses(dtype: str, index_dtype: str) -> None:
    random = np.random.default_rng(0)
    for shape, axis in (((11,), 0), ((5, 6, 7), 1), ((300, 250), 0), ((300, 250), 1)):
        size = jnp.dtype(dtype).itemsize
        x = random.integers(0, 2 if dtype == "bool" else 256, (*shape, size), np.uint8)
        x = x.view(dtype).reshape(shape)
        indices = np.argsort(random.random(shape), axis).astype(index_dtype)
        with jax.enable_x64(size >= 8):
            moved, back = jax.jit(partial(moves, axis=axis))(x, indices)
            moved, back = np.asarray(moved), np.asarray(back)
        for actual, expected in ((moved, np.take_along_axis(x, indices, axis)), (back, x)):
            assert actual.dtype == x.dtype
            np.testing.assert_array_equal(
                actual.view(np.uint8), np.ascontiguousarray(expected).view(np.uint8)
            )


def moves(x: jax.Array, indices: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    moved = NATIVE.gather(x, indices, axis)
    return moved, NATIVE.scatter(moved, indices, axis)


@pytest.mark.parametrize("n", [5, 100_000])
def test_indices_out_of_range_reach_no_other_memory(n: int) -> None:
    x = np.arange(n, dtype=np.float32)
    indices = np.full(n, 2**31 - 1, np.int32)
    indices[::2] = -(2**31)
    gathered = jax.jit(partial(NATIVE.gather, axis=0))(x, indices)
    assert np.isin(gathered, x).all()
    jax.block_until_ready(jax.jit(partial(NATIVE.scatter, axis=0))(x, indices))


def test_empty_arrays() -> None:
    for shape, axis in (((0,), 0), ((3, 0), 1), ((0, 3), 1), ((2, 3, 0), 1)):
        x = np.zeros(shape, np.float32)
        values, indices = NATIVE.sort_with_indices(x, axis=axis, descending=False, where=None)
        assert values.shape == indices.shape == shape
        assert NATIVE.scatter(values, indices, axis).shape == shape


def test_without_compilation_the_kernel_still_runs() -> None:
    x = np.float32([3, 1, 2])
    with jax.disable_jit():
        values, indices = NATIVE.sort_with_indices(jnp.array(x), axis=0, descending=False, where=None)
        assert NATIVE.scatter(values, indices, 0).tolist() == x.tolist()
        gradient = jax.grad(lambda x: diffsort.sort(x, implementation="manual:native")[0])(jnp.array(x))
    assert values.tolist() == [1, 2, 3]
    assert indices.tolist() == [1, 2, 0]
    assert gradient.tolist() == [0, 1, 0]


@pytest.mark.parametrize("device", ["cuda", "tpu"])
@pytest.mark.parametrize(
    "op",
    [
        diffsort.sort,
        diffsort.argsort,
        lambda x, implementation: diffsort.sort_key_val(x, x, implementation=implementation),
    ],
    ids=["sort", "argsort", "sort_key_val"],
)
def test_elsewhere_it_is_refused_by_name_only(op: Callable[..., Any], device: str) -> None:
    def lowered(implementation: str) -> str:
        traced = jax.jit(partial(op, implementation=implementation)).trace(jnp.zeros(1000))
        return traced.lower(lowering_platforms=(device,)).as_text()

    with pytest.raises(ValueError, match=r"'manual:native' is a kernel for CPUs.*use 'manual'"):
        lowered("manual:native")
    assert library.SORT not in lowered("manual")


def test_the_best_engine_is_this_one() -> None:
    text = jax.jit(diffsort.sort).lower(jnp.zeros(1000)).as_text()
    assert library.SORT in text


DIGEST = Path(__file__).parent / "native_digest.py"


def digest(target: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(DIGEST)],
        env={**os.environ, "DIFFSORT_TARGET": target, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(library.instruction_set() == "plain", reason="there is one instruction set only")
def test_all_instruction_sets_give_the_same_bits() -> None:
    names = ["plain", "avx2", "avx512"]
    names = names[: names.index(library.instruction_set()) + 1]
    found = [digest(name) for name in names]
    assert [name for name, _ in found] == names
    assert len({of_all for _, of_all in found}) == 1, found
