"""Temperatures that change over a run: everywhere, compiled once, the same where a run goes on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from diffsort.losses import cvar
from diffsort.nnx import FSPool
from diffsort.soft import SoftSort, StraightThrough
from experiments.errors import UserError
from experiments.losses import RankError
from experiments.run_directory import RunDirectory
from experiments.tasks import Sorting
from experiments.training.annealing import annealed, at_step
from experiments.training.setup import build_setup
from tests.experiments.conftest import train
from tests.experiments.training.test_job import train_and_die

VECTORS = ("data=digit_vectors", "model=network", "model.widths=[8]", "reduction=trimmed")
ANNEALED = ("sort=softsort", "sort.temperature=1.0", "sort.final=0.01")


@pytest.mark.parametrize("schedule", ["exponential", "linear", "cosine"])
@pytest.mark.parametrize("final", [0.01, 10.0])
def test_a_schedule_goes_from_the_beginning_to_the_fraction_of_it(schedule, final):
    values = np.array([annealed(0.5, final, schedule, 40)(step) for step in range(41)])
    np.testing.assert_allclose(values[[0, -1]], [0.5, 0.5 * final], rtol=1e-5)
    assert (np.diff(values) * np.sign(final - 1) >= 0).all()
    if schedule == "exponential":
        np.testing.assert_allclose(values[20], 0.5 * np.sqrt(final), rtol=1e-5)


def test_a_schedule_that_is_none_or_ends_at_nothing_is_refused():
    with pytest.raises(ValueError, match=r"sort\.schedule=step: .*choices: exponential, linear, cosine"):
        annealed(0.1, 0.5, "step", 10)
    with pytest.raises(ValueError, match=r"sort\.final=0 must be positive"):
        annealed(0.1, 0, "linear", 10)


def test_relaxed_sorts_are_found_wherever_they_are():
    method = SoftSort(annealed(1.0, 0.1, "linear", 10))
    assert at_step(method, 10) == SoftSort(pytest.approx(0.1))
    reduction = functools.partial(cvar, level=0.5, implementation=StraightThrough(method))
    task = Sorting(loss=RankError(method), reduction=reduction)
    found = at_step(task, 0)
    assert found.loss == RankError(SoftSort(1.0))
    assert found.reduction.keywords == {"level": 0.5, "implementation": StraightThrough(SoftSort(1.0))}
    assert task.loss == RankError(method)
    model = nnx.Sequential(FSPool(3, implementation=method, rngs=nnx.Rngs(0)))
    x = jnp.arange(12.0).reshape(4, 3) % 5

    @jax.jit
    def pooled(step):
        return at_step(nnx.merge(*nnx.split(model)), step)(x)

    for step in (0, 7):
        model.layers[0].implementation = SoftSort(1 - 0.09 * step)
        expected = model(x)
        model.layers[0].implementation = method
        np.testing.assert_allclose(pooled(step), expected, rtol=1e-5)
    assert pooled._cache_size() == 1


def losses(run):
    return [row["loss"] for row in RunDirectory(run).metrics() if "loss" in row]


def test_a_run_that_goes_on_has_the_temperatures_of_one_that_was_never_stopped(configure, tmp_path):
    whole = train(configure(*VECTORS, *ANNEALED), tmp_path / "whole")
    train_and_die(configure(*VECTORS, *ANNEALED), tmp_path / "parts", 15)
    parts = train(configure(*VECTORS, *ANNEALED), tmp_path / "parts")
    assert whole["test_loss"] == parts["test_loss"]
    assert whole["sort"] == "softsort"
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("sort.temperature=-1", "sort=softsort: temperature=-1.0 must be positive"),
        ("sort.final=0", "sort=softsort: sort.final=0.0 must be positive"),
        ("sort.schedule=step", r"sort=softsort: sort\.schedule=step: no such choice"),
    ],
)
def test_a_setting_out_of_range_is_a_mistake(configure, setting, told):
    with pytest.raises(UserError, match=told):
        build_setup(configure(*VECTORS, "sort=softsort", setting))
