"""What is said of the losses of ranks only: ties, flat rows, cut-offs, and what relaxing them gives."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from diffsort.losses import ndcg, ndcg_loss, spearman_correlation, spearman_loss
from diffsort.soft import LapSum, StraightThrough
from tests.losses.cases import RANKING

RANDOM = np.random.default_rng(0)
# Numbers with many ties, in rows; 0 among them, as what is masked is.
SCORES, TARGETS = RANDOM.integers(-2, 4, (2, 6, 12)).astype(np.float32)
RELEVANCE = RANDOM.integers(0, 4, (6, 12))
WHERE = RANDOM.random((6, 12)) < 0.8
DISTINCT = RANDOM.standard_normal((4, 7)).astype(np.float32)


def per_row(oracle: Callable[..., float], *arrays: np.ndarray) -> list[float]:
    return [oracle(*(a[w] for a in row)) for *row, w in zip(*arrays, WHERE, strict=True)]


def test_equal_elements_share_their_ranks_as_in_scipy() -> None:
    def oracle(x: np.ndarray, y: np.ndarray) -> float:
        return scipy.stats.spearmanr(x, y).statistic

    for targets in (TARGETS, RELEVANCE, RELEVANCE > 1):
        found = spearman_correlation(SCORES, targets, where=WHERE)
        np.testing.assert_allclose(found, per_row(oracle, SCORES, targets), rtol=1e-5, atol=1e-6)
        assert found.dtype == jnp.float32
        loss = spearman_loss(SCORES, targets, where=WHERE, implementation="builtin")
        np.testing.assert_allclose(loss, 1 - found, atol=1e-6)


@pytest.mark.parametrize(("k", "gains"), [(None, "linear"), (5, "exponential"), (100, "linear")])
def test_equal_scores_share_their_discounts_as_in_scikit_learn(k: int | None, gains: str) -> None:
    def oracle(x: np.ndarray, y: np.ndarray) -> float:
        return sklearn.metrics.ndcg_score([y if gains == "linear" else 2**y - 1], [x], k=k)

    found = ndcg(SCORES, RELEVANCE, k=k, gains=gains, where=WHERE)
    np.testing.assert_allclose(found, per_row(oracle, SCORES, RELEVANCE), rtol=1e-5)
    loss = ndcg_loss(SCORES, RELEVANCE, k=k, gains=gains, where=WHERE, implementation="manual")
    np.testing.assert_allclose(loss, 1 - found, atol=1e-6)


def test_the_order_of_the_targets_loses_nothing() -> None:
    for exact in ("manual", StraightThrough(LapSum())):
        assert not np.asarray(spearman_loss(DISTINCT, 3 * DISTINCT, implementation=exact)).any()
        np.testing.assert_allclose(spearman_loss(DISTINCT, -DISTINCT, implementation=exact), 2, rtol=1e-6)
        gains = ndcg_loss(DISTINCT, np.exp(DISTINCT), k=3, implementation=exact)
        np.testing.assert_allclose(gains, 0, atol=1e-6)


def test_flat_rows() -> None:
    """No correlation; and a gradient towards the targets, where there are any to tell apart."""
    flat, targets = jnp.ones((2, 5)), jnp.array([[1.0, 2, 3, 4, 5], [7, 7, 7, 7, 7]])

    @jax.jit
    def derivatives(x: jax.Array, method: LapSum) -> tuple[jax.Array, jax.Array]:
        return jax.value_and_grad(lambda x: jnp.sum(spearman_loss(x, targets, implementation=method)))(x)

    value, gradient = derivatives(flat, LapSum(0.1))
    np.testing.assert_allclose(value, 2)
    assert np.isfinite(gradient).all()
    assert (np.diff(gradient[0]) < 0).all()
    assert not np.asarray(gradient[1]).any()
    np.testing.assert_array_equal(spearman_correlation(flat, targets), 0)
    np.testing.assert_array_equal(spearman_correlation(targets[:, ::-1], jnp.flip(flat, 1)), 0)


def test_where_nothing_is_relevant() -> None:
    nothing = jnp.zeros_like(DISTINCT)
    np.testing.assert_array_equal(ndcg(DISTINCT, nothing), 0)
    gradient = jax.grad(lambda x: ndcg_loss(x, nothing).sum())(jnp.asarray(DISTINCT))
    np.testing.assert_array_equal(ndcg_loss(DISTINCT, nothing), 1)
    assert not np.asarray(gradient).any()


LOSSES = (spearman_loss, ndcg_loss, partial(ndcg_loss, k=3, gains="linear"))


def test_relaxed_they_go_to_the_exact_ones_and_have_a_gradient() -> None:
    where = np.arange(7) != 2
    x, targets, step = np.where(where, DISTINCT, np.nan).astype(np.float64), RELEVANCE[:4, :7], 1e-4

    def values(x: jax.Array, implementation: object) -> jax.Array:
        options = {"where": where, "implementation": implementation}
        return jnp.stack([loss(x, targets, **options) for loss in LOSSES])

    @jax.jit
    def relaxed(x: jax.Array, direction: jax.Array, method: LapSum) -> tuple[jax.Array, ...]:
        value, pull_back = jax.vjp(lambda x: values(x, method), x)
        each = jnp.broadcast_to(jnp.eye(3)[:, :, None], (3, *value.shape))
        gradients = jax.vmap(pull_back)(each)[0]
        return value, jnp.sum(gradients * direction[None], -1), gradients

    direction = np.where(where, RANDOM.standard_normal(x.shape), 0)
    with jax.enable_x64(True):
        exact = values(x, "manual")
        near, *_ = relaxed(x, direction, LapSum(1e-4))
        np.testing.assert_allclose(near, exact, atol=1e-8)
        value, slope, gradients = relaxed(x, direction, LapSum(0.3))
        assert (np.abs(value - exact).max(1) > 0.01).all()
        ahead, behind = (
            np.asarray(relaxed(x + s * direction, direction, LapSum(0.3))[0]) for s in (step, -step)
        )
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-8)
    assert not np.asarray(gradients)[..., ~where].any()


@pytest.mark.parametrize("name", RANKING)
def test_relaxed_a_mask_is_a_slice_on_any_axis(name: str) -> None:
    """The last row is all masked; what is hidden makes no NaN, and second derivatives are finite."""
    call = partial(RANKING[name].loss, implementation=LapSum(0.3))
    x = RANDOM.standard_normal((10, 4)).astype(np.float32)
    where = np.tile((np.arange(10) % 4 != 1)[:, None], (1, 4))
    where[:, 3] = False

    @partial(jax.jit, static_argnames="axis")
    def derivatives(x: jax.Array, where: jax.Array | None, axis: int) -> tuple[jax.Array, ...]:
        def loss(x: jax.Array) -> jax.Array:
            return call((x,), (where,), axis)

        value, pull_back = jax.vjp(loss, x)
        gradient = pull_back(jnp.ones_like(value))[0]
        return value, gradient, jax.jvp(jax.grad(lambda x: loss(x).sum()), (x,), (jnp.ones_like(x),))[1]

    hidden = jnp.asarray(np.where(where, x, np.float32(np.nan)))
    with jax.debug_nans(True):
        value, gradient, second = derivatives(hidden, where, 0)
    expected = derivatives(x[where].reshape(7, 3).T, None, -1)
    for actual, sliced in zip((gradient, second), expected[1:], strict=True):
        np.testing.assert_allclose(actual[where].reshape(7, 3).T, sliced, rtol=1e-4, atol=1e-4)
        assert not np.asarray(actual)[~where].any()
    np.testing.assert_allclose(value, [*expected[0], 0], rtol=1e-5, atol=1e-6)
    assert np.abs(gradient).max() > 0.01
    narrow = call((hidden.astype(jnp.bfloat16),), (where,), 0)
    assert narrow.dtype == jnp.bfloat16
    np.testing.assert_allclose(narrow.astype(jnp.float32), value, atol=0.03)


def test_the_relaxed_ndcg_by_its_definition() -> None:
    """With the ranks of LapSum: sums of distribution functions."""
    x, relevance = DISTINCT.astype(np.float64), RANDOM.integers(0, 4, DISTINCT.shape)
    ranks = scipy.stats.laplace.cdf(x[:, :, None] - x[:, None, :], scale=0.3).sum(1) - 0.5
    gain = 2.0**relevance - 1
    ideal = (-np.sort(-gain, 1) / np.log2(2 + np.arange(7))).sum(1)
    with jax.enable_x64(True):
        found = ndcg_loss(x, relevance, implementation=LapSum(0.3))
    np.testing.assert_allclose(found, 1 - (gain / np.log2(2 + ranks)).sum(1) / ideal, rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spearman_loss(SCORES, TARGETS[0]), ValueError, r"targets of shape \(12,\) do not fit"),
        (lambda: ndcg(SCORES, RELEVANCE[:, :3]), ValueError, r"relevance of shape \(6, 3\) do not fit"),
        (lambda: ndcg(SCORES, TARGETS), ValueError, "relevance has -2"),
        (lambda: ndcg(SCORES, RELEVANCE, k=0), ValueError, "k=0 must be at least 1"),
        (lambda: ndcg(SCORES, RELEVANCE, k=2.0), TypeError, "k must be a Python integer"),
        (lambda: ndcg(SCORES, RELEVANCE, gains="none"), ValueError, "gains='none' is neither"),
        (lambda: spearman_loss(SCORES, TARGETS * 1j), TypeError, "targets is complex64"),
        (lambda: spearman_loss(SCORES, TARGETS, where=SCORES), TypeError, "where must be boolean"),
        (lambda: spearman_loss(SCORES, TARGETS, 2), ValueError, "axis 2 is out of range"),
        (
            lambda: spearman_loss(SCORES, TARGETS, implementation="nothing"),
            ValueError,
            "unknown implementation",
        ),
    ],
)
def test_mistakes(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_relevance_that_is_masked_may_be_negative() -> None:
    where = np.array([True, True, False])
    found = ndcg(jnp.array([0.3, 0.2, 0.5]), jnp.array([1, 2, -1]), where=where)
    np.testing.assert_allclose(found, ndcg(jnp.array([0.3, 0.2]), jnp.array([1, 2])))
