"""What is said of energy_distance and crps_ensemble only."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from diffsort.losses import crps_ensemble, energy_distance

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.standard_normal((3, 8)).astype(np.float32), RANDOM.standard_normal((3, 5)).astype(np.float32)


def pairwise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The mean of |x − y| over all pairs of each row."""
    return np.abs(x[:, :, None] - y[:, None, :]).mean((1, 2))


def test_the_energy_distance_is_that_of_all_pairs() -> None:
    expected = 2 * pairwise(X, Y) - pairwise(X, X) - pairwise(Y, Y)
    np.testing.assert_allclose(energy_distance(X, Y), expected, rtol=1e-5)
    by_scipy = [scipy.stats.energy_distance(x, y) ** 2 for x, y in zip(X, Y, strict=True)]
    np.testing.assert_allclose(energy_distance(X, Y), by_scipy, rtol=1e-5)


def test_the_gradient_of_the_energy_distance_is_that_of_all_pairs() -> None:
    gradients = jax.grad(lambda x, y: energy_distance(x, y).sum(), (0, 1))(X, Y)
    across = np.sign(X[:, :, None] - Y[:, None, :])
    within = [np.sign(a[:, :, None] - a[:, None, :]).mean(2) / a.shape[1] for a in (X, Y)]
    np.testing.assert_allclose(gradients[0], 2 * across.mean(2) / 8 - 2 * within[0], atol=1e-6)
    np.testing.assert_allclose(gradients[1], -2 * across.mean(1) / 5 - 2 * within[1], atol=1e-6)


def test_of_a_sample_and_itself_it_is_zero_with_a_gradient() -> None:
    """It is the least there is; and moving an element off its equal costs the same in both directions."""
    for y in (X, np.flip(X, 1), np.concatenate([X, X], 1)):
        value, gradient = jax.value_and_grad(lambda x, y=y: energy_distance(x, y).sum())(X)
        assert value == 0
        np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("weighed", [False, True])
def test_at_ties_the_gradient_is_that_of_the_definition(weighed: bool) -> None:
    """Where the sign of 0 is 0: by all pairs, and so the same in every order."""
    random = np.random.default_rng(0)
    x, y = (random.integers(0, 4, (3, n)).astype(np.float32) for n in (9, 7))
    weights, others = (
        random.random(a.shape).astype(np.float32) if weighed else np.ones_like(a) for a in (x, y)
    )

    def definition(x: jax.Array) -> jax.Array:
        def mean(x: jax.Array, v: jax.Array, y: jax.Array, w: jax.Array) -> jax.Array:
            both = v[:, :, None] * w[:, None, :]
            gap = x[:, :, None] - y[:, None, :]
            return (both * gap * jnp.sign(gap)).sum((1, 2)) / both.sum((1, 2))

        across, within = mean(x, weights, y, others), mean(x, weights, x, weights)
        return (2 * across - within - mean(y, others, y, others)).sum()

    def distance(x: jax.Array) -> jax.Array:
        return energy_distance(x, y, weights=weights, target_weights=others).sum()

    (value, gradient), (expected, slope) = (jax.value_and_grad(f)(x) for f in (distance, definition))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fair", [0, 0.3, 0.95, 1])
def test_an_almost_fair_score_is_a_mixture(fair: float) -> None:
    expected = fair * crps_ensemble(X, Y[:, 0], fair=True) + (1 - fair) * crps_ensemble(X, Y[:, 0])
    np.testing.assert_allclose(crps_ensemble(X, Y[:, 0], fair=fair), expected, rtol=1e-5)


@pytest.mark.parametrize("fair", [-0.1, 1.1, float("nan")])
def test_more_than_fair_is_refused(fair: float) -> None:
    with pytest.raises(ValueError, match=r"fair=.* is not in"):
        crps_ensemble(X, Y[:, 0], fair=fair)


@pytest.mark.parametrize("fair", [False, 0.95, True])
@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_an_infinite_member_is_infinitely_wrong_in_every_ensemble(fair: float, infinite: float) -> None:
    for n in (2, 3, 7, 20, 33, 101, 129):
        x = np.random.default_rng(n).standard_normal(n).astype(np.float32)
        for count in (1, 2):
            x[:count] = infinite
            assert crps_ensemble(x, np.float32(0.3), fair=fair) == np.inf, n
        if n > 2:  # an observation may be infinite too
            assert crps_ensemble(x[2:], np.float32(infinite), fair=fair) == np.inf


def test_an_infinite_point_of_no_weight_is_no_point() -> None:
    x, weights = np.float32([[3, np.inf, 1]]), np.float32([[1, 0, 2]])
    value, gradient = jax.value_and_grad(lambda x: energy_distance(x, Y[:1], weights=weights).sum())(x)
    expected = energy_distance(x[:, ::2], Y[:1], weights=weights[:, ::2])[0]
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert np.isfinite(gradient).all()


def test_far_from_zero_nothing_is_lost_to_rounding() -> None:
    x, y = np.round(X * 64) / 64, np.round(Y * 64) / 64
    np.testing.assert_allclose(energy_distance(x + 4096, y + 4096), energy_distance(x, y), rtol=1e-5)
    observed = y[:, 0]
    for fair in (False, True):
        near, far = (crps_ensemble(x + s, observed + s, fair=fair) for s in (0, 4096))
        np.testing.assert_allclose(far, near, rtol=1e-5)


def test_the_score_is_half_the_energy_distance_to_the_observation() -> None:
    score = crps_ensemble(X, Y[:, 0])
    np.testing.assert_allclose(score, energy_distance(X, Y[:, :1]) / 2, rtol=1e-5)
    fair = crps_ensemble(X, Y[:, 0], fair=True)
    np.testing.assert_allclose(fair, pairwise(X, Y[:, :1]) - pairwise(X, X) / 2 * 8 / 7, rtol=1e-5)


def test_the_fair_score_expects_the_same_of_every_number_of_members() -> None:
    members = np.random.default_rng(1).standard_normal((20_000, 12)).astype(np.float32)
    observed = np.full(20_000, 0.5, np.float32)
    few, many = (crps_ensemble(members[:, :m], observed, fair=True).mean() for m in (3, 12))
    np.testing.assert_allclose(few, many, atol=0.01)
    assert crps_ensemble(members[:, :3], observed).mean() > many + 0.1


def test_a_single_member_scores_its_absolute_error() -> None:
    for fair in (False, True):
        np.testing.assert_allclose(crps_ensemble(X[:, :1], Y[:, 0], fair=fair), np.abs(X[:, 0] - Y[:, 0]))
        where = np.arange(8) == 3
        np.testing.assert_allclose(
            crps_ensemble(X, Y[:, 0], fair=fair, where=where), np.abs(X[:, 3] - Y[:, 0])
        )


def test_the_gradient_of_the_score_for_the_observation() -> None:
    members, observed = jnp.array([1.0, 2.0, 3.0, 10.0]), jnp.array(2.5)
    gradient = jax.grad(crps_ensemble, 1)(members, observed)
    assert gradient == 0  # as many below as above
    assert jax.grad(crps_ensemble, 1)(members, jnp.array(11.0)) == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: energy_distance(X, Y[:2]), ValueError, "all but axis 1 must be equal"),
        (lambda: energy_distance(X, Y, 0), ValueError, "all but axis 0 must be equal"),
        (lambda: energy_distance(X, Y, weights=np.ones((3, 8), bool)), TypeError, "weights must be floating"),
        (lambda: energy_distance(X, Y, implementation="fast"), ValueError, "unknown implementation"),
        (lambda: crps_ensemble(X, Y), ValueError, r"expected \(3,\), one observation for all members"),
        (lambda: crps_ensemble(X, Y[:, 0], 0), ValueError, r"expected \(8,\)"),
        (lambda: crps_ensemble(X, Y[:, 0], where=X), TypeError, "where must be boolean"),
    ],
)
def test_mistakes(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
