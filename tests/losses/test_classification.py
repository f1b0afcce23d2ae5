"""What is said of classification by the k greatest only."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import sklearn.metrics

import diffsort
from diffsort.losses import top_k_accuracy, top_k_cross_entropy
from diffsort.soft import SoftSort

RANDOM = np.random.default_rng(0)
LOGITS = (3 * RANDOM.standard_normal((8, 6))).astype(np.float32)
LABELS = RANDOM.integers(0, 6, 8)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_accuracy_is_that_of_scikit_learn(k: int) -> None:
    found = top_k_accuracy(LOGITS, LABELS, k)
    expected = sklearn.metrics.top_k_accuracy_score(LABELS, LOGITS, k=min(k, 5), labels=range(6))
    assert np.mean(found) == (1 if k > 6 else pytest.approx(expected))
    by_mask = diffsort.top_k_mask(LOGITS, min(k, 6), implementation="manual")
    np.testing.assert_array_equal(found, np.take_along_axis(by_mask, LABELS[:, None], 1)[:, 0])
    np.testing.assert_array_equal(top_k_accuracy(LOGITS.T, LABELS, k, axis=0), found)


def test_accuracy_of_ties_masks_and_nothing() -> None:
    logits, labels = jnp.array([[1.0, 1, 1], [-1, -2, -3], [5, 4, 3]]), jnp.array([1, 1, 0])
    assert top_k_accuracy(logits, labels).tolist() == [0, 0, 1]
    assert top_k_accuracy(logits, labels, 2).tolist() == [1, 1, 1]
    where = jnp.array([[False, True, True], [False, True, True], [False, True, True]])
    assert top_k_accuracy(logits, labels, where=where).tolist() == [1, 1, 0]
    assert top_k_accuracy(logits, labels, 3, where=jnp.zeros_like(where)).tolist() == [0, 0, 0]
    hidden = jnp.where(where, logits, jnp.nan)
    assert top_k_accuracy(hidden, labels, where=where).tolist() == [1, 1, 0]
    assert np.isnan(top_k_accuracy(hidden, labels)).all()


def test_of_the_greatest_alone_it_is_the_cross_entropy() -> None:
    found = top_k_cross_entropy(LOGITS, LABELS, (1.0,), implementation="manual")
    expected = optax.softmax_cross_entropy_with_integer_labels(LOGITS, LABELS)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("softmax", [True, False])
def test_it_is_the_definition_of_the_paper(softmax: bool) -> None:
    """The rows of P for the greatest ranks, summed and weighed: here a mask for each k."""
    weights, method = (0.3, 0.0, 0.5, 0.2), SoftSort(0.7)
    where = np.arange(6) != 4
    labels = np.where(LABELS == 4, 1, LABELS)

    def masked(x: jax.Array) -> jax.Array:
        return jnp.where(where, x, jnp.asarray(np.nan, x.dtype))

    def loss(x: jax.Array) -> jax.Array:
        return top_k_cross_entropy(
            masked(x), labels, weights, softmax=softmax, where=where, implementation=method
        )

    def definition(x: jax.Array) -> jax.Array:
        x, kept = x[:, where], np.where(labels > 4, labels - 1, labels)
        first = jax.nn.softmax(x) if softmax else diffsort.top_k_mask(x, 1, implementation=method)
        third, fourth = (diffsort.top_k_mask(x, k, implementation=method) for k in (3, 4))
        every = 0.3 * first + 0.5 * third + 0.2 * fourth
        return -jnp.log(jnp.take_along_axis(every, kept[:, None], 1)[:, 0] * (1 - 2e-7) + 1e-7)

    value, gradient = jax.jit(jax.value_and_grad(lambda x: loss(x).sum()))(LOGITS)
    expected, slope = jax.jit(jax.value_and_grad(lambda x: definition(x).sum()))(LOGITS)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-5)
    assert np.asarray(gradient).any()


def test_a_label_far_behind_costs_no_infinity() -> None:
    logits = jnp.array([0.0, 1000.0, 2000.0])
    loss, gradient = jax.value_and_grad(top_k_cross_entropy)(
        logits, jnp.array(0), (0.0, 1.0), implementation=SoftSort(0.1)
    )
    np.testing.assert_allclose(loss, -np.log(1e-7), rtol=1e-5)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: top_k_cross_entropy(LOGITS, LABELS / 2), TypeError, "labels must be integers, not float"),
        (lambda: top_k_cross_entropy(LOGITS, LABELS[:3]), ValueError, r"expected \(8,\), one label for all"),
        (lambda: top_k_accuracy(LOGITS, LABELS - 1), ValueError, "must be from 0 to 5, along axis 1"),
        (lambda: top_k_accuracy(LOGITS, LABELS, 0), ValueError, "k=0 must be at least 1"),
        (lambda: top_k_accuracy(LOGITS, LABELS, 1.5), TypeError, "k must be a Python integer"),
        (lambda: top_k_cross_entropy(LOGITS, LABELS, 1.0), TypeError, "weights must be a sequence"),
        (lambda: top_k_cross_entropy(LOGITS, LABELS, ()), ValueError, "sum to 1"),
        (lambda: top_k_cross_entropy(LOGITS, LABELS, (0.5,)), ValueError, "sum to 1"),
        (lambda: top_k_cross_entropy(LOGITS, LABELS, (2.0, -1.0)), ValueError, "must not be negative"),
        (
            lambda: top_k_cross_entropy(LOGITS, LABELS, (0,) * 6 + (1,)),
            ValueError,
            "k=7, which is not between 1 and 6",
        ),
        (
            lambda: top_k_cross_entropy(LOGITS, LABELS, softmax="no"),
            TypeError,
            "softmax must be True or False",
        ),
    ],
)
def test_mistakes(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
