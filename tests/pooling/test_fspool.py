"""FSPool against the paper's formula, and the permutation it returns."""

import jax
import numpy as np
import pytest

import diffsort
from diffsort.pooling import featurewise_sort_pool
from tests.oracles import IMPLEMENTATIONS, assert_same_bits
from tests.pooling.sets import everything, masks, sets

KNOTS = np.random.default_rng(2).normal(size=(3, 5)).astype(np.float32)


def by_definition(x: np.ndarray, knots: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The formula in float64, a set and a feature at a time."""
    pieces = knots.shape[1] - 1
    out = np.zeros((x.shape[0], x.shape[2]))
    for b in range(x.shape[0]):
        for c in range(x.shape[2]):
            ordered = np.sort(x[b, mask[b], c].astype(np.float64))[::-1]
            n = len(ordered)
            at = np.arange(n) / max(n - 1, 1)
            weights = np.interp(at, np.linspace(0, 1, pieces + 1), knots[c].astype(np.float64))
            out[b, c] = np.sum(weights * ordered)
    return out


@pytest.mark.parametrize("implementation", ["manual", "builtin", "double_argsort"])
@pytest.mark.parametrize("pieces", [1, 4, 20])
def test_the_papers_formula(implementation: str, pieces: int) -> None:
    x, mask = sets(), masks()
    knots = np.random.default_rng(2).normal(size=(3, pieces + 1)).astype(np.float32)
    pooled = featurewise_sort_pool(x, knots, where=mask, implementation=implementation)
    np.testing.assert_allclose(pooled, by_definition(x, knots, mask), rtol=1e-5, atol=1e-5)
    whole = featurewise_sort_pool(x, knots, implementation=implementation)
    np.testing.assert_allclose(whole, by_definition(x, knots, everything(x)), rtol=1e-5, atol=1e-5)


def test_the_mean_is_the_sum_divided_by_the_size_of_the_set() -> None:
    x, mask = sets(), masks()
    size = np.maximum(mask.sum(-1, keepdims=True), 1)
    for where, n in ((mask, size), (None, x.shape[1])):
        total = np.asarray(featurewise_sort_pool(x, KNOTS, where=where, reduction="sum"))
        mean = featurewise_sort_pool(x, KNOTS, where=where, reduction="mean")
        np.testing.assert_allclose(mean, total / n, rtol=1e-6)
        assert_same_bits(featurewise_sort_pool(x, KNOTS, where=where), total)
    # A set twice as large of the same points, at knots that all are equal, has the same mean.
    level = np.ones((3, 2), np.float32)
    once, twice = (featurewise_sort_pool(a, level, reduction="mean") for a in (x, np.concatenate([x, x], 1)))
    np.testing.assert_allclose(twice, once, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("masked", [False, True])
def test_the_permutation_is_greatest_first_and_changes_no_bit(implementation: str, masked: bool) -> None:
    x = sets(ties=True)
    mask = masks() if masked else None
    keywords = {"where": mask, "implementation": implementation}

    def both(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return featurewise_sort_pool(x, KNOTS, return_indices=True, **keywords)

    pooled, pull_back, indices = jax.vjp(both, x, has_aux=True)
    alone, pull_back_alone = jax.vjp(lambda x: featurewise_sort_pool(x, KNOTS, **keywords), x)
    assert_same_bits(pooled, alone)
    assert_same_bits(pull_back(pooled)[0], pull_back_alone(pooled)[0])

    assert indices.dtype == np.int32
    indices = np.asarray(indices)
    for b, valid in enumerate(masks() if masked else everything(x)):
        n = valid.sum()
        for c in range(x.shape[2]):
            order = indices[b, :, c]
            assert sorted(order) == list(range(len(valid)))
            assert valid[order[:n]].all()
            assert (np.diff(x[b, order[:n], c]) <= 0).all()
            np.testing.assert_array_equal(order[n:], np.flatnonzero(~valid))
    if mask is None:
        whole = diffsort.argsort(x[:, ::-1], -2, descending=True)  # ties from the last to the first
        np.testing.assert_array_equal(indices, x.shape[1] - 1 - whole)


def test_values_and_permutation_take_one_sort() -> None:
    program = jax.jit(
        lambda x: featurewise_sort_pool(x, KNOTS, return_indices=True, implementation="manual:xla")
    )
    assert program.lower(sets()).as_text().count("stablehlo.sort") == 1


def test_a_sort_without_a_permutation_pools_but_has_no_indices() -> None:
    def negated(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        return -diffsort.sort(-x, axis, descending=not descending, where=where)

    name = "negated for FSPool"
    diffsort.register_implementation(name, sort=negated)
    expected = featurewise_sort_pool(sets(), KNOTS)
    assert_same_bits(featurewise_sort_pool(sets(), KNOTS, implementation=name), expected)
    with pytest.raises(ValueError, match="is a relaxed sort without a permutation"):
        featurewise_sort_pool(sets(), KNOTS, return_indices=True, implementation=name)
