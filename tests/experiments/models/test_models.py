"""Every classifier of point sets: one invariant over all of them."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hydra import compose, initialize_config_dir
from hydra.utils import get_class

from experiments.data import Dataset, PointSets
from experiments.errors import UserError
from experiments.hydra_versions import INITIALIZE
from experiments.models import DGCNN
from experiments.training.building import build_model, build_task
from tests.experiments.conftest import CONFIGS


def classifies_point_sets(name):
    target = compose("train", [f"model={name}"]).model._target_
    return {"channels", "num_outputs"} <= inspect.signature(get_class(target).__init__).parameters.keys()


with initialize_config_dir(str(CONFIGS), **INITIALIZE):
    MODELS = [path.stem for path in sorted(CONFIGS.glob("model/*.yaml")) if classifies_point_sets(path.stem)]


def point_sets(n=40, batch=5):
    generator = np.random.default_rng(0)
    points = generator.uniform(-1, 1, (batch, n, 3)).astype(np.float32)
    mask = generator.random((batch, n)) < 0.6
    mask[0], mask[1] = False, True
    return PointSets(points, mask, np.zeros(batch, np.int32))


def build(configure, name, *overrides):
    sets = point_sets()
    data = Dataset("random", 10, sets, sets, sets)
    config = configure(f"model={name}", *overrides)
    graph, parameters = build_model(config, data, build_task(config))
    return lambda points, mask: nnx.merge(graph, parameters)(points, mask)


@pytest.fixture(params=MODELS)
def model(request, configure):
    return build(configure, request.param)


def test_the_configs_are_found():
    assert {"dgcnn", "pswe", "sortpool"} <= set(MODELS)


def test_logits_are_finite_even_for_an_empty_set(model):
    sets = point_sets()
    logits = model(sets.points, sets.mask)
    assert logits.shape == (5, 10)
    assert np.isfinite(logits).all()


def test_order_of_the_points_does_not_matter(model):
    sets = point_sets()
    shuffled = np.random.default_rng(1).permutation(sets.points.shape[1])
    expected = model(sets.points, sets.mask)
    actual = model(sets.points[:, shuffled], sets.mask[:, shuffled])
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, 1e30])
def test_masked_points_reach_no_output_and_no_gradient(model, garbage):
    sets = point_sets()

    def loss(points):
        return jnp.sum(jnp.sin(model(points, sets.mask)))

    results = []
    for filler in (0.0, garbage):
        points = np.where(sets.mask[..., None], sets.points, np.float32(filler))
        results.append(jax.value_and_grad(loss)(points))
    (clean, clean_gradient), (dirty, dirty_gradient) = results
    np.testing.assert_array_equal(dirty, clean)
    np.testing.assert_array_equal(dirty_gradient, clean_gradient)
    assert not np.asarray(dirty_gradient)[~sets.mask].any()


@pytest.mark.parametrize("name", ["sortpool", "dgcnn"])
def test_swapping_the_sort_changes_no_bit(configure, name):
    sets = point_sets()
    sorts = ("manual", "manual:xla", "builtin", "double_argsort")
    logits = [np.asarray(build(configure, name, f"sort={s}")(sets.points, sets.mask)) for s in sorts]
    np.testing.assert_array_equal(logits[0], logits[1])
    for others in logits[2:]:
        np.testing.assert_array_equal(logits[0], others)


def test_more_points_kept_than_there_are_is_a_mistake():
    sizes = {"radius": 0.5, "graph_widths": [8], "convolution_widths": (4, 4), "set_widths": []}
    with pytest.raises(ValueError, match=r"model.k=41 is more than the 40 points.*write model.k=40"):
        DGCNN(3, 10, 40, k=41, **sizes, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("name", ["maxpool", "dense_autoencoder", "fspool_autoencoder"])
def test_points_without_a_layer_are_a_mistake(configure, name):
    task = [] if name == "maxpool" else ["task=autoencoding", "loss=chamfer"]
    with pytest.raises(UserError, match=r"point_widths=\[\] must name one layer at least"):
        build(configure, name, "model.point_widths=[]", *task)
