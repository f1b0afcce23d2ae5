import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.gradient_noise import gradient_noise
from experiments.training.setup import build_setup
from tests.experiments.conftest import train

VECTORS = ("data=digit_vectors", "model=network", "model.widths=[]")


def test_noise_is_the_variance_of_the_gradient_by_its_squared_norm(configure):
    setup = build_setup(configure(*VECTORS, "trainer.gradient_noise=5"))
    found = gradient_noise(setup)(setup.initial)
    # Of a single dense layer the gradient of the cross-entropy is known: inputs times errors.
    gradients = []
    (layer,) = [leaf for leaf in jax.tree.leaves(setup.initial.parameters) if leaf.ndim == 2]
    for i in range(5):
        x, labels = setup.batches[i]["features"], setup.batches[i]["labels"]
        errors = jax.nn.softmax(jnp.asarray(x @ layer)) - np.eye(10)[labels]
        gradients.append(np.append(x.T @ errors, errors.sum(0)) / len(x))
    expected = np.var(gradients, axis=0, ddof=1).sum() / np.sum(np.mean(gradients, 0) ** 2)
    assert found == pytest.approx(expected, rel=1e-4)


def test_each_evaluation_measures_it_where_that_is_asked_for(configure, tmp_path):
    summary = train(configure(*VECTORS, "trainer.gradient_noise=2"), tmp_path)
    rows = [row for row in RunDirectory(tmp_path).metrics() if "gradient_noise" in row]
    assert {row["step"]: row["gradient_noise"] for row in rows} == {
        step: summary[f"gradient_noise_{step}"] for step in (10, 20)
    }


def test_one_batch_has_no_variance(configure):
    with pytest.raises(UserError, match=r"trainer\.gradient_noise=1 must be at least 2, or 0"):
        build_setup(configure(*VECTORS, "trainer.gradient_noise=1"))
