"""Losses of orders against NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import diffsort
from diffsort.soft import LapSum, SoftSort, StraightThrough
from experiments.losses import PermutationCrossEntropy, RankError

SCORES = np.array([[0.3, -1.0, 2.0, 0.5], [1.0, 1.2, -3.0, 0.0]], np.float32)
NUMBERS = np.array([[30, 41, 7, 30], [2, 1, 9999, 5]], np.int32)  # of equal ones the first comes first


def test_the_cross_entropy_is_that_of_every_entry():
    method = SoftSort(0.7)
    relaxed = np.asarray(diffsort.soft_permutation(SCORES, implementation=method), np.float64)
    true = np.eye(4)[np.argsort(NUMBERS, kind="stable")]
    expected = -np.where(true == 1, np.log(relaxed), np.log(1 - relaxed)).mean((1, 2))
    np.testing.assert_allclose(PermutationCrossEntropy(method)(SCORES, NUMBERS), expected, rtol=1e-5)


def test_the_rank_error_is_that_of_ordinal_ranks():
    loss = RankError("manual")
    ranks = [scipy.stats.rankdata(of, "ordinal", axis=-1) for of in (SCORES, NUMBERS)]
    np.testing.assert_allclose(loss(SCORES, NUMBERS), ((ranks[0] - ranks[1]) ** 2).mean(-1))


@pytest.mark.parametrize("loss", [PermutationCrossEntropy, RankError])
def test_a_step_down_the_gradient_is_one_towards_the_order(loss):
    gradient = jax.grad(lambda x: jnp.sum(loss(LapSum(1.0))(x, NUMBERS)))(SCORES)
    ranks = scipy.stats.rankdata(NUMBERS, axis=-1)
    assert all(np.corrcoef(-g, r)[0, 1] > 0.5 for g, r in zip(gradient, ranks, strict=True))


@pytest.mark.parametrize("method", [SoftSort(1e-3), StraightThrough(SoftSort(1e-3)), "manual"])
def test_scores_that_are_far_from_the_order_cost_no_infinity(method):
    loss, gradient = jax.value_and_grad(lambda x: jnp.sum(PermutationCrossEntropy(method)(x, NUMBERS)))(
        100 * SCORES
    )
    assert 1 < loss < 40
    assert np.isfinite(gradient).all()


def test_a_sort_without_a_matrix_is_refused_at_once():
    with pytest.raises(ValueError, match="permutahedron"):
        PermutationCrossEntropy("permutahedron")
