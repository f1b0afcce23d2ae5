"""Mistakes in the arguments of layers, and what is said of them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import diffsort.linen
import diffsort.nnx
from tests.layer_cases import batch

X = batch()[0]
INDICES = jnp.zeros(X.shape, int)
RNGS = nnx.Rngs(0)


def linen_init(layer: object, *arguments: object) -> object:
    return layer.init(jax.random.key(0), *(arguments or (X,)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: diffsort.nnx.FSPool(0, rngs=RNGS), "num_features=0"),
        (lambda: diffsort.nnx.FSPool(3, pieces=0, rngs=RNGS), "pieces=0"),
        (lambda: linen_init(diffsort.linen.FSPool(pieces=0)), "pieces=0"),
        (lambda: diffsort.nnx.FSPool(2, rngs=RNGS)(X), r"expected \(6, pieces"),
        (lambda: diffsort.nnx.FSUnpool(0, rngs=RNGS), "num_features=0"),
        (lambda: diffsort.nnx.FSUnpool(3, pieces=0, rngs=RNGS), "pieces=0"),
        (lambda: linen_init(diffsort.linen.FSUnpool(pieces=0), X[:, 0], INDICES), "pieces=0"),
        (lambda: diffsort.nnx.FSUnpool(6, rngs=RNGS)(X[0, 0], INDICES), r"\(4, 8, 6\) do not fit x"),
        (lambda: diffsort.nnx.SortPooling(0), "k=0"),
        (lambda: diffsort.nnx.SortPooling(2, sort_channels=0), "sort_channels=0"),
        (lambda: linen_init(diffsort.linen.SortPooling(0)), "k=0"),
        (lambda: diffsort.nnx.GroupSort(0), "group_size=0"),
        (lambda: diffsort.nnx.GroupSort(4)(X), "group_size=4 does not divide 6"),
        (lambda: linen_init(diffsort.linen.GroupSort(0)), "group_size=0"),
        (lambda: diffsort.nnx.MaxMin()(X[..., :3]), "group_size=2 does not divide 3"),
        (lambda: diffsort.nnx.OrthogonalDense(3, 0, rngs=RNGS), "out_features=0"),
        (lambda: diffsort.nnx.OrthogonalDense(0, 3, rngs=RNGS), "in_features=0"),
        (lambda: diffsort.nnx.OrthogonalDense(3, 3, rngs=RNGS)(X), r"x of shape \(4, 8, 6\)"),
        (lambda: linen_init(diffsort.linen.OrthogonalDense(0)), "features=0"),
        (lambda: diffsort.nnx.QuantilePool(()), "levels is empty"),
        (lambda: diffsort.nnx.QuantilePool((0.5, 1.5)), r"levels has 1.5, which is not in \[0, 1\]"),
        (lambda: linen_init(diffsort.linen.QuantilePool((-0.5,))), "levels has -0.5"),
        (lambda: diffsort.nnx.TrimmedMeanPool(0.5), r"proportion=0.5 is not in \[0, 0.5\)"),
        (lambda: linen_init(diffsort.linen.TrimmedMeanPool(-0.1)), "proportion=-0.1"),
        (lambda: diffsort.nnx.TopKPool(6, 0, rngs=RNGS), "k=0"),
        (lambda: diffsort.nnx.TopKPool(0, 6, rngs=RNGS), "num_features=0"),
        (lambda: diffsort.nnx.TopKPool(5, 2, rngs=RNGS)(X), r"projection has shape \(5,\); expected \(6,\)"),
        (lambda: linen_init(diffsort.linen.TopKPool(0)), "k=0"),
        (lambda: diffsort.nnx.PSWE(0, 2, 3, rngs=RNGS), "num_features=0"),
        (lambda: diffsort.nnx.PSWE(6, 0, 3, rngs=RNGS), "num_projections=0"),
        (lambda: diffsort.nnx.PSWE(6, 2, 0, rngs=RNGS), "num_points=0"),
        (lambda: diffsort.nnx.PSWE(5, 2, 3, rngs=RNGS)(X), r"directions have shape \(5, 2\)"),
        (lambda: linen_init(diffsort.linen.PSWE(2, 0)), "num_points=0"),
    ],
)
def test_wrong_values_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: diffsort.nnx.FSPool(2.5, rngs=RNGS), "num_features must be a Python integer, not 2.5"),
        (lambda: diffsort.nnx.SortPooling("3"), "k must be a Python integer, not '3'"),
        (lambda: diffsort.nnx.SortPooling(3)(X, jnp.ones(8)), "where must be boolean"),
        (lambda: diffsort.nnx.GroupSort(None), "group_size must be a Python integer"),
        (lambda: diffsort.nnx.QuantilePool(0.5), "levels must be a sequence of Python numbers, not 0.5"),
        (lambda: diffsort.nnx.TrimmedMeanPool(None), "proportion must be a Python number"),
        (lambda: diffsort.nnx.TopKPool(6, 2.0, rngs=RNGS), "k must be a Python integer, not 2.0"),
    ],
)
def test_wrong_types_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()
