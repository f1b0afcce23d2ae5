"""Every path of the portable engine, the ones of other platforms too, against Python's own sort."""

from functools import cache, partial
from typing import Any

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.engines import xla
from tests.oracles import arrays, stable_order, without_denormals

NARROW = ["float32", "bfloat16", "float8_e5m2", "int8", "int32", "uint16", "uint32", "bool"]
WIDE = ["float64", "int64", "uint64"]  # sorted on CPU in two passes
PATHS = {"packed": xla._argsort_packed, "pairs": xla._argsort_pairs}


def chosen(x: jax.Array, where: jax.Array | None, *, descending: bool) -> jax.Array:
    """Whichever path the engine takes for arrays of this size, here."""
    return xla.argsort(x, axis=1, where=where, descending=descending)


def zeroed(x: Any, where: Any) -> jax.Array:
    """Engines are given 0 where elements are masked."""
    return jnp.where(where, x, jnp.zeros_like(x))


@cache
def compiled(*names: str) -> Any:
    """Several paths in one program."""
    paths = {name: (PATHS | {"chosen": chosen})[name] for name in names}

    def program(x: jax.Array, where: jax.Array) -> dict[tuple[str, bool, bool], jax.Array]:
        return {
            (path, descending, mask is not None): argsort(array, mask, descending=descending)
            for path, argsort in paths.items()
            for descending in (False, True)
            for array, mask in ((x, None), (zeroed(x, where), where))
        }

    return jax.jit(program)


@pytest.mark.parametrize(
    ("shape", "paths"), [((2, 7), (*PATHS, "chosen")), ((5, 12), ("chosen",)), ((3, 150), ("chosen",))]
)
@pytest.mark.parametrize("dtype", NARROW + WIDE)
@hypothesis.settings(max_examples=20)
@hypothesis.given(data=st.data())
def test_all_paths_find_the_stable_order(
    dtype: str, shape: tuple[int, int], paths: tuple[str, ...], data: st.DataObject
) -> None:
    x = without_denormals(data.draw(arrays(dtype, shape)))
    where = data.draw(arrays("bool", shape))
    with jax.enable_x64(dtype in WIDE):
        results = jax.device_get(compiled(*paths)(x, where))
    for (path, descending, masked), indices in results.items():
        expected = stable_order(x, where if masked else None, descending)
        assert indices.dtype == np.int32
        np.testing.assert_array_equal(indices, expected, f"{path}, {descending=}, {masked=}")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["int32", "uint32"])
def test_the_extremes_of_integers_are_not_taken_for_masked(path: str, descending: bool, dtype: str) -> None:
    info = np.iinfo(dtype)
    x = jnp.array([0, info.max, info.min, 0, info.min], dtype)
    where = jnp.array([False, True, True, False, True])
    expected = [1, 2, 4, 0, 3] if descending else [2, 4, 1, 0, 3]
    np.testing.assert_array_equal(PATHS[path](x, where, descending=descending), expected)


# Where key and index together need 32 bits, the packed word is as narrow; one element more and it is not.
@pytest.mark.parametrize("n", [2**16, 2**16 + 1])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_long_rows_do_not_overflow_the_packed_word(n: int, descending: bool, masked: bool) -> None:
    random = np.random.default_rng(0)
    x = random.integers(-(2**15), 2**15, n).astype(np.int16)
    x[:4] = [-(2**15), 2**15 - 1] * 2
    where = random.random(n) < 0.9 if masked else np.ones(n, bool)
    x = np.where(where, x, np.int16(0))
    indices = xla.argsort(x, axis=0, descending=descending, where=where if masked else None)
    signed = -x.astype(np.int64) if descending else x
    np.testing.assert_array_equal(indices, np.lexsort((signed, ~where)))


@pytest.mark.parametrize(("dtype", "word"), [("int8", "s32"), ("bfloat16", "s32"), ("int32", "s64")])
def test_short_keys_are_packed_in_half_the_width(dtype: str, word: str) -> None:
    program = jax.jit(partial(xla.argsort, axis=0)).trace(jax.ShapeDtypeStruct((1000,), dtype))
    text = program.lower(lowering_platforms=("cpu",)).compile().as_text()
    assert f"{word}[1000]{{0}} sort(" in text


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_elsewhere_keys_and_indices_are_sorted_as_two_operands(platform: str) -> None:
    # The form that XLA hands to CUB's radix sort.
    program = jax.jit(partial(xla.argsort, axis=0)).trace(jax.ShapeDtypeStruct((1000,), jnp.float32))
    text = program.lower(lowering_platforms=(platform,)).as_text()
    (line,) = (line for line in text.splitlines() if '"stablehlo.sort"' in line)
    assert line.count("%") == 3, line  # a result and two operands
    assert "xi64>" not in text


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_axis(axis: int) -> None:
    x = np.random.default_rng(0).permutation(24).reshape(2, 3, 4).astype(np.float32)
    indices = xla.argsort(x, axis=axis)
    np.testing.assert_array_equal(indices, np.argsort(x, axis))
