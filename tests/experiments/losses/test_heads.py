"""Every head against a distribution that it can learn, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from experiments.losses import Ensemble, Gaussian, Quantiles, SquaredError
from experiments.tasks.regression import LEVELS

HEADS = {
    "quantiles": Quantiles(LEVELS.tolist()),
    "ensemble": Ensemble(50, False, "manual"),
    "fair_ensemble": Ensemble(50, True, "manual"),
    "almost_fair_ensemble": Ensemble(50, 0.95, "manual"),
    "squared_error": SquaredError(),
    "gaussian": Gaussian(),
}
MEAN, DEVIATION = 2.0, 3.0


@pytest.mark.parametrize("name", HEADS)
def test_trained_on_a_normal_distribution_it_predicts_its_quantiles(name):
    head = HEADS[name]
    # The distribution itself, not a sample of it.
    targets = scipy.stats.norm(MEAN, DEVIATION).ppf((np.arange(400) + 0.5) / 400).astype(np.float32)
    optimizer = optax.adam(optax.cosine_decay_schedule(0.1, 600))

    def loss(outputs):
        return jnp.mean(head(jnp.broadcast_to(outputs, (len(targets), head.num_outputs)), targets))

    def step(carry, _):
        outputs, state = carry
        updates, state = optimizer.update(jax.grad(loss)(outputs), state)
        return (optax.apply_updates(outputs, updates), state), None

    start = jnp.linspace(-1, 1, head.num_outputs)
    (outputs, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=600)
    known = np.broadcast_to(outputs, (400, head.num_outputs)), targets
    found = head.quantiles(np.asarray(outputs)[None], LEVELS, known)[0]
    expected = scipy.stats.norm(MEAN, DEVIATION).ppf(LEVELS)
    np.testing.assert_allclose(found, expected, atol=0.25)


@pytest.mark.parametrize("name", HEADS)
def test_losses_are_one_an_example_and_quantiles_ascend(name):
    head = HEADS[name]
    outputs = np.random.default_rng(0).normal(size=(7, head.num_outputs)).astype(np.float32)
    assert head(outputs, np.zeros(7, np.float32)).shape == (7,)
    quantiles = head.quantiles(outputs, LEVELS, (outputs, np.ones(7)))
    assert quantiles.shape == (7, len(LEVELS))
    assert (np.diff(quantiles) >= 0).all()


def test_members_are_quantiles_as_numpy_has_them():
    members = np.random.default_rng(0).normal(size=(3, 20))
    for fair, method in ((False, "hazen"), (True, "linear")):
        found = Ensemble(20, fair, "manual").quantiles(members, LEVELS, None)
        np.testing.assert_allclose(found, np.quantile(members, LEVELS, -1, method=method).T, rtol=1e-6)
    for fair in (False, 0.5, True):
        assert (Ensemble(1, fair, "manual").quantiles(members[:, :1], LEVELS, None) == members[:, :1]).all()


def test_values_worked_by_hand():
    outputs, targets = jnp.array([[1.0, 0.0]]), jnp.array([3.0])
    assert float(HEADS["gaussian"](outputs, targets)[0]) == 2.0
    assert float(HEADS["squared_error"](outputs[:, :1], targets)[0]) == 4.0
    # Pinball of 0.1 and 0.9 with errors of 2 and 3: (0.1 × 2 + 0.9 × 3) / 2.
    assert float(Quantiles([0.1, 0.9])(outputs, targets)[0]) == pytest.approx(1.45)
    # Mean distance 2.5 of the members to the target, less half of the mean difference ½.
    assert float(Ensemble(2, False, "manual")(outputs, targets)[0]) == pytest.approx(2.25)
    assert float(Ensemble(2, True, "manual")(outputs, targets)[0]) == pytest.approx(2.0)
