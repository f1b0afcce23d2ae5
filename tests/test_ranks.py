"""Ranks that ties share, against SciPy's."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import diffsort
from tests.oracles import assert_same_bits

METHODS = ("ordinal", "average", "min", "max", "dense")
X = np.random.default_rng(0).choice(np.float32([-3, -0.0, 0, 1, 2, np.inf]), (3, 2, 12))


@jax.jit
def _ranks(x: jax.Array, where: jax.Array) -> dict[str, Any]:
    return {
        method: {
            "last": diffsort.rank(x, method=method),
            "middle": diffsort.rank(x, 1, method=method, implementation="builtin"),
            "flat": diffsort.rank(x, None, method=method),
            "descending": diffsort.rank(x, method=method, descending=True),
            "masked": diffsort.rank(x, where=where, method=method),
        }
        for method in METHODS
    }


def test_they_are_those_of_scipy_from_0() -> None:
    where = np.broadcast_to(np.arange(12) % 3 != 1, X.shape)
    for method, ranks in jax.device_get(_ranks(X, where)).items():

        def by_scipy(x: np.ndarray, axis: int | None, method: str = method) -> np.ndarray:
            return (scipy.stats.rankdata(x, method, axis=axis) - 1).reshape(x.shape if axis else -1)

        dtype = np.float32 if method == "average" else np.int32
        assert_same_bits(ranks["last"], by_scipy(X, -1).astype(dtype))
        assert_same_bits(ranks["middle"], by_scipy(X, 1).astype(dtype))
        assert_same_bits(ranks["flat"], by_scipy(X, None).astype(dtype))
        assert_same_bits(ranks["descending"], by_scipy(-X, -1).astype(dtype))
        visible = X[where].reshape(3, 2, 8)
        assert_same_bits(ranks["masked"][where].reshape(3, 2, 8), by_scipy(visible, -1).astype(dtype))
        hidden = ranks["masked"][~where].reshape(-1, 4) - ranks["masked"][where].reshape(-1, 8).max(
            -1, keepdims=True
        )
        if method == "ordinal":
            np.testing.assert_array_equal(hidden, np.broadcast_to([1, 2, 3, 4], hidden.shape))
        else:  # they are equal
            assert (hidden > 0).all()
            assert (hidden == hidden[:, :1]).all()


@pytest.mark.parametrize(
    ("method", "expected"),
    [("average", [2.5, 0, 2.5, 1]), ("min", [2, 0, 2, 1]), ("max", [3, 0, 3, 1]), ("dense", [2, 0, 2, 1])],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e5m2"])
def test_nans_are_equal_and_come_where_they_are_sorted(
    method: Any, expected: list[float], dtype: str
) -> None:
    x = jnp.array([np.nan, -1.0, -np.nan, np.inf]).astype(dtype)
    np.testing.assert_array_equal(diffsort.rank(x, method=method), expected)


def test_an_average_is_exact_beyond_float32_under_x64() -> None:
    with jax.enable_x64(True):
        ranks = diffsort.rank(np.array([1.0, 1.0, 0.0]), method="average")
    assert_same_bits(ranks, np.array([1.5, 1.5, 0.0]))


def test_there_is_nothing_to_rank() -> None:
    for shape in ((0,), (2, 0), (0, 2), (2, 1)):
        for method in METHODS:
            ranks = diffsort.rank(np.zeros(shape, np.float32), method=method)
            assert ranks.shape == shape
            assert not np.asarray(ranks).any()
