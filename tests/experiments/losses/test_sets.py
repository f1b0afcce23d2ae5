"""Losses between sets against POT and SciPy, and what holds for all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from experiments.losses import Chamfer, KernelEnergy, Pairwise, SetPair, SlicedWasserstein

KEY = jax.random.key(0)
LOSSES = {
    "sliced": SlicedWasserstein(8, 2.0, False, "manual"),
    "max_sliced": SlicedWasserstein(8, 2.0, True, "manual"),
    "kernel_energy": KernelEnergy(),
    "chamfer": Chamfer(),
    "pairwise": Pairwise(),
}
UNWEIGHTED = ["chamfer"]


def sets(n=6, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(2, 3, n, 2)).astype(np.float32)


def energy(x, y, q):
    p = np.full(len(x), 1 / len(x))
    between, within_x, within_y = cdist(x, y), cdist(x, x), cdist(y, y)
    return 2 * p @ between @ q - p @ within_x @ p - q @ within_y @ q


def chamfer(x, y, q):
    del q
    squared = cdist(x, y) ** 2
    return squared.min(1).mean() + squared.min(0).mean()


@pytest.mark.parametrize(("name", "oracle"), [("kernel_energy", energy), ("chamfer", chamfer)])
def test_values_are_those_of_the_definition(name, oracle):
    predictions, targets = sets()
    weights = np.random.default_rng(1).uniform(0.1, 1, targets.shape[:-1]).astype(np.float32)
    found = LOSSES[name](SetPair(predictions, targets, target_weights=weights), KEY)
    expected = [oracle(x, y, w / w.sum()) for x, y, w in zip(predictions, targets, weights, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_pairwise_is_worked_by_hand():
    predictions = jnp.array([[[0.0, 0.0], [1.0, 1.0], [9.0, 9.0]]])
    targets = jnp.array([[[3.0, 4.0], [1.0, 0.0], [0.0, 0.0]]])
    where = jnp.array([[True, True, False]])
    assert LOSSES["pairwise"](SetPair(predictions, targets, where=where), KEY).tolist() == [(25 + 1) / 2]


@pytest.mark.parametrize("name", LOSSES)
def test_of_equal_sets_is_nothing(name):
    predictions, _ = sets()
    np.testing.assert_allclose(LOSSES[name](SetPair(predictions, predictions), KEY), 0, atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_mask_is_a_slice_and_what_it_hides_is_never_seen(name):
    predictions, targets = sets()
    where = np.broadcast_to(np.arange(6) < 4, (3, 6))
    loss = LOSSES[name]
    expected = loss(SetPair(predictions[:, :4], targets[:, :4]), KEY)
    hidden = (
        np.where(where[..., None], predictions, np.float32(7)),
        np.where(where[..., None], targets, np.float32(-5)),
    )

    def total(predictions):
        losses = loss(SetPair(predictions, hidden[1], where=where, target_where=where), KEY)
        return jnp.sum(losses), losses

    gradient, found = jax.grad(total, has_aux=True)(hidden[0])
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert np.isfinite(gradient).all()
    assert not np.asarray(gradient)[~where].any()


@pytest.mark.parametrize("name", LOSSES)
def test_empty_sets_are_no_reason_for_nan(name):
    predictions, targets = sets()
    nothing = np.zeros((3, 6), bool)

    def total(predictions):
        return jnp.sum(LOSSES[name](SetPair(predictions, targets, where=nothing, target_where=nothing), KEY))

    value, gradient = jax.value_and_grad(total)(predictions)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in UNWEIGHTED])
def test_a_weight_of_two_is_a_point_twice(name):
    predictions, targets = sets()
    twice = np.concatenate([targets, targets[:, :1]], 1)
    weights = np.ones((3, 6), np.float32)
    weights[:, 0] = 2
    if name == "pairwise":  # its sets are of one size
        twice_predictions = np.concatenate([predictions, predictions[:, :1]], 1)
    else:
        twice_predictions = predictions
    found = LOSSES[name](SetPair(predictions, targets, target_weights=weights), KEY)
    expected = LOSSES[name](SetPair(twice_predictions, twice), KEY)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
