"""The flat and the batched form say the same, and scatter is gather transposed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort import gathering
from tests.oracles import assert_same_bits

SHAPES = [((5,), 0), ((3, 4, 2), 0), ((3, 4, 2), 1), ((3, 4, 2), 2), ((1, 4), 1), ((0, 3), 1)]


@pytest.fixture(params=["flat", "batched"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(gathering, "_on_one_device", lambda: request.param == "flat")
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


@pytest.mark.parametrize(("small", "axis"), [((3, 1, 2), 0), ((1, 4, 2), 1), ((1, 1, 2), 2), ((3, 1, 1), 0)])
@pytest.mark.usefixtures("form")
def test_an_axis_of_one_is_moved_whole(small: tuple[int, ...], axis: int) -> None:
    x = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    indices = permutations(small, axis)
    moved = np.take_along_axis(x, np.broadcast_to(indices, x.shape), axis)
    assert_same_bits(gathering.gather(jnp.asarray(x), jnp.asarray(indices), axis), moved)
    assert_same_bits(gathering.scatter(jnp.asarray(moved), jnp.asarray(indices), axis), x)


def test_the_form_is_the_one_asked_for(form: str) -> None:
    # Or the tests above would compare a form with itself.
    shape = jax.ShapeDtypeStruct((3, 4), jnp.float32), jax.ShapeDtypeStruct((3, 4), jnp.int32)
    text = jax.jit(lambda x, i: gathering.gather(x, i, 1)).lower(*shape).as_text()
    assert ("operand_batching_dims" in text) == (form == "batched")
