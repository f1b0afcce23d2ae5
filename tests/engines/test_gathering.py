"""The flat and the batched form say the same, and scatter is gather transposed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.engines import gathering
from tests.oracles import assert_same_bits

SHAPES = [((5,), 0), ((3, 4, 2), 0), ((3, 4, 2), 1), ((3, 4, 2), 2), ((1, 4), 1), ((0, 3), 1)]


@pytest.fixture(params=["flat", "batched"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Forces one of the two forms; the flat one is for equal shapes."""

    def is_flat(x: jax.Array, indices: jax.Array, axis: int) -> bool:
        fits = all(x.shape[d] == indices.shape[d] for d in range(x.ndim) if d != axis)
        return request.param == "flat" and fits and x.size > 1

    monkeypatch.setattr(gathering, "_addressable_flat", is_flat)
    return request.param


def permutations(shape: tuple[int, ...], axis: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape).argsort(axis).astype(np.int32)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "bool"])
@pytest.mark.usefixtures("form")
def test_gather_and_scatter(shape: tuple[int, ...], axis: int, dtype: str) -> None:
    x = np.random.default_rng(1).integers(-9, 9, shape).astype(dtype)
    indices = permutations(shape, axis)
    moved = np.take_along_axis(x, indices, axis)
    assert_same_bits(gathering.gather(jnp.asarray(x), jnp.asarray(indices), axis), moved)
    assert_same_bits(gathering.scatter(jnp.asarray(moved), jnp.asarray(indices), axis), x)


@pytest.mark.parametrize(("shape", "axis"), SHAPES[:4])
@pytest.mark.usefixtures("form")
def test_some_elements(shape: tuple[int, ...], axis: int) -> None:
    x = np.random.default_rng(1).integers(1, 9, shape).astype(np.float32)
    indices = permutations(shape, axis).take(range(2), axis)
    taken = np.take_along_axis(x, indices, axis)
    assert_same_bits(gathering.gather(jnp.asarray(x), jnp.asarray(indices), axis), taken)
    expected = np.zeros_like(x)
    np.put_along_axis(expected, indices, taken, axis)
    put = gathering.scatter(jnp.asarray(taken), jnp.asarray(indices), axis, shape[axis])
    assert_same_bits(put, expected)


@pytest.mark.parametrize(("small", "axis"), [((3, 1, 2), 0), ((1, 4, 2), 1), ((1, 1, 2), 2), ((3, 1, 1), 0)])
@pytest.mark.usefixtures("form")
def test_an_axis_of_one_is_moved_whole(small: tuple[int, ...], axis: int) -> None:
    x = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    indices = permutations(small, axis)
    moved = np.take_along_axis(x, np.broadcast_to(indices, x.shape), axis)
    assert_same_bits(gathering.gather(jnp.asarray(x), jnp.asarray(indices), axis), moved)
    assert_same_bits(gathering.scatter(jnp.asarray(moved), jnp.asarray(indices), axis), x)


def lowered(shape: tuple[int, ...], small: tuple[int, ...] | None = None) -> str:
    x, indices = jax.ShapeDtypeStruct(shape, jnp.float32), jax.ShapeDtypeStruct(small or shape, jnp.int32)
    return jax.jit(lambda x, i: gathering.gather(x, i, 1)).lower(x, indices).as_text()


def test_the_form_is_the_one_asked_for(form: str) -> None:
    # Or the tests above would compare a form with itself.
    assert ("operand_batching_dims" in lowered((3, 4))) == (form == "batched")


@pytest.mark.skipif(jax.device_count() > 1, reason="is for one device")
def test_large_arrays_are_addressed_flat_on_one_device() -> None:
    assert "operand_batching_dims" not in lowered((100, 100))
    assert "offset_dims = [0]" in lowered((100, 100), (1, 100))  # rows are moved whole
