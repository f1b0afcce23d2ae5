"""Permutations: the linear map, its inverse and its transpose are each other."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort import engines
from tests.oracles import assert_same_bits, permutation_matrix

DTYPES = ["float32", "float16", "bfloat16", "float8_e4m3fn", "complex64", "int8", "int32", "uint32", "bool"]


def permutations(shape: tuple[int, ...], axis: int, seed: int = 0) -> np.ndarray:
    """Random permutations along an axis."""
    return np.random.default_rng(seed).random(shape).argsort(axis).astype(np.int32)


def numbers(shape: tuple[int, ...], dtype: str = "float32") -> jax.Array:
    x = np.random.default_rng(1).integers(-8, 8, shape)
    return jnp.asarray((x + 1j * x[::-1]).astype(dtype) if dtype == "complex64" else x.astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "axis"), [((5,), 0), ((3, 4, 2), 1), ((2, 3), -1), ((0, 3), 1), ((1,), 0)])
def test_round_trip(dtype: str, shape: tuple[int, ...], axis: int) -> None:
    x, indices = numbers(shape, dtype), permutations(shape, axis)
    inverse = diffsort.inverse_permutation(indices, axis)
    moved = diffsort.permute(x, indices, axis)
    assert_same_bits(moved, np.take_along_axis(np.asarray(x), indices, axis))
    assert_same_bits(diffsort.permute(moved, inverse, axis), x)
    assert_same_bits(inverse, np.argsort(indices, axis).astype(np.int32))


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5,), 0), ((3, 4, 2), 0), ((3, 4, 2), 1), ((3, 1, 2), 0), ((1, 4, 2), 1), ((1, 4, 1), 1)],
)
def test_size_one_stands_for_the_whole_axis(shape: tuple[int, ...], axis: int) -> None:
    x = numbers((3, 4, 2)[: len(shape)] if len(shape) > 1 else shape)
    indices = permutations(shape, axis)
    whole = np.broadcast_to(indices, x.shape)
    permute, cotangent = partial(diffsort.permute, axis=axis), numbers(x.shape)
    moved, pull_back = jax.vjp(lambda x: permute(x, indices), x)
    expected, expected_pull_back = jax.vjp(lambda x: permute(x, whole), x)
    assert_same_bits(moved, expected)
    assert_same_bits(moved, np.take_along_axis(np.asarray(x), whole, axis))
    assert_same_bits(pull_back(cotangent)[0], expected_pull_back(cotangent)[0])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_dimension_of_indices_permutes_all_slices(axis: int) -> None:
    x = numbers((3, 4, 2))
    order = permutations((x.shape[axis],), 0)
    assert_same_bits(diffsort.permute(x, order, axis), np.take(np.asarray(x), order, axis))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "uint32"])
def test_integers_of_any_width_are_indices(dtype: str) -> None:
    x, indices = numbers((5,)), np.array([3, 0, 4, 1, 2])
    with jax.enable_x64("64" in dtype):
        assert_same_bits(diffsort.permute(x, indices.astype(dtype)), np.asarray(x)[indices])
        inverse = diffsort.inverse_permutation(indices.astype(dtype))
    assert inverse.dtype == jnp.int32
    np.testing.assert_array_equal(inverse, np.argsort(indices))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
def test_the_transpose_is_the_inverse(dtype: str) -> None:
    indices = np.array([3, 0, 4, 1, 2])
    assert (indices[indices] != np.arange(5)).any()  # or the test could not tell the two apart
    matrix = permutation_matrix(indices)
    x, cotangent = numbers((5,), dtype), numbers((5,), dtype)[::-1]

    def permute(x: jax.Array) -> jax.Array:
        return diffsort.permute(x, indices)

    (transposed,) = jax.linear_transpose(permute, x)(cotangent)
    inverse = diffsort.inverse_permutation(indices)
    assert_same_bits(transposed, diffsort.permute(cotangent, inverse))
    wide = complex if dtype == "complex64" else np.float32
    np.testing.assert_array_equal(np.asarray(permute(x), wide), matrix @ np.asarray(x, wide))
    np.testing.assert_array_equal(np.asarray(transposed, wide), matrix.T @ np.asarray(cotangent, wide))
    # And the transpose of the transpose is the map itself.
    (again,) = jax.linear_transpose(lambda c: jax.linear_transpose(permute, x)(c)[0], cotangent)(x)
    assert_same_bits(again, permute(x))


def test_integers_have_no_derivative_and_need_none() -> None:
    x = jnp.arange(3)
    indices = jnp.array([2, 0, 1])
    gradient = jax.grad(lambda x: diffsort.permute(x, indices).sum(dtype=jnp.float32), allow_int=True)(x)
    assert gradient.dtype == jax.dtypes.float0
    assert gradient.shape == (3,)


def test_random_keys_can_be_shuffled() -> None:
    keys = jax.random.split(jax.random.key(0), 3)
    moved = diffsort.permute(keys, jnp.array([2, 0, 1]))
    np.testing.assert_array_equal(jax.random.key_data(moved), jax.random.key_data(keys)[np.array([2, 0, 1])])


@pytest.mark.parametrize("unbatched", ["x", "indices", "neither"])
@pytest.mark.parametrize("in_axis", [0, 1])
def test_vmap(unbatched: str, in_axis: int) -> None:
    xs, rows = numbers((4, 3, 5)), permutations((4, 3, 5), -1)
    x_axis, indices_axis = (None if unbatched == n else in_axis for n in ("x", "indices"))
    x, indices = (
        a if b is not None else a[0] if in_axis == 0 else a[:, 0]
        for a, b in ((xs, x_axis), (rows, indices_axis))
    )

    def permute(x: jax.Array, indices: jax.Array) -> jax.Array:
        return diffsort.permute(x, indices)

    mapped = jax.vmap(permute, (x_axis, indices_axis), in_axis)
    moved, pull_back = jax.vjp(lambda x: mapped(x, indices), x)
    whole_x, whole_indices = (
        np.broadcast_to(np.expand_dims(a, in_axis) if b is None else a, (4, 3, 5))
        for a, b in ((x, x_axis), (indices, indices_axis))
    )
    assert_same_bits(moved, np.take_along_axis(whole_x, whole_indices, -1))
    cotangent = np.asarray(numbers((4, 3, 5)))
    expected = np.zeros_like(cotangent)
    np.put_along_axis(expected, whole_indices, cotangent, -1)
    np.testing.assert_array_equal(
        pull_back(cotangent)[0], expected if x_axis is not None else expected.sum(in_axis)
    )


WRONG = {
    "repeated": np.array([2, 2, 0, 4, 2]),
    "negative": np.array([-1, -5, -2, -4, -3]),
    "negative and repeated": np.array([-1, 4, -2, 3, 0]),
    "too large": np.array([7, 1, 2**31 - 1, 0, 2]),
    "too small": np.array([-9, 1, -(2**31), 3, 4]),
    "far beyond 32 bits": np.array([2**40, 1, -(2**40), 3, 4], np.int64),
}


def moved_by_hand(x: np.ndarray, indices: np.ndarray, inverse: bool) -> np.ndarray:
    """As documented, one by one."""
    out, n = np.zeros_like(x), len(x)
    for i, index in enumerate(indices.tolist()):
        place = min(max(index + n if index < 0 else index, 0), n - 1)
        out[(place, i)[not inverse]] = x[(i, place)[not inverse]]
    return out


@pytest.mark.parametrize("indices", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("columns", [0, 3, 40])
@pytest.mark.parametrize("engine", ["best", *engines.ENGINES])
def test_indices_that_are_no_permutation_do_what_is_documented(
    monkeypatch: pytest.MonkeyPatch, engine: str, columns: int, indices: np.ndarray
) -> None:
    """And never show memory that was not written: the same again, after that memory held something else."""
    if engine in engines.ENGINES and engines.ENGINES[engine].why_unavailable():
        pytest.skip("the engine is not available")
    monkeypatch.setattr(engines, "BEST", engines.Engine(engine))
    jax.clear_caches()
    x = np.arange(1, 6, dtype=np.float32)
    if columns:
        x, wide = np.tile(x[:, None], columns), np.tile(indices[:, None], columns)
    else:
        wide = indices
    with jax.enable_x64(wide.dtype == np.int64):
        for _ in range(3):
            jax.block_until_ready(jnp.full((64,), np.nan, x.dtype) * 2)
            value, pull_back = jax.vjp(lambda x: diffsort.permute(x, jnp.asarray(wide), 0), jnp.asarray(x))
            np.testing.assert_array_equal(value, moved_by_hand(x, indices, inverse=False))
            back = moved_by_hand(np.asarray(value), indices, inverse=True)
            np.testing.assert_array_equal(pull_back(value)[0], back)
            inverse = diffsort.inverse_permutation(jnp.asarray(wide), 0)
            iota = np.broadcast_to(np.arange(5).reshape(-1, *[1] * (x.ndim - 1)), x.shape)
            np.testing.assert_array_equal(inverse, moved_by_hand(iota, indices, inverse=True))
    jax.clear_caches()


def test_a_long_row_of_wrong_indices_is_the_same_every_time() -> None:
    """Threads share out long rows; not where elements may meet."""
    n = 300_000
    indices = np.random.default_rng(0).integers(0, n, n)
    x = np.arange(n, dtype=np.float32)
    last = np.zeros(n, np.float32)
    for i, index in enumerate(indices):
        last[index] = i
    pull_back = jax.jit(lambda c: jax.vjp(lambda x: diffsort.permute(x, indices), x)[1](c)[0])
    for _ in range(5):
        np.testing.assert_array_equal(pull_back(x), last)
