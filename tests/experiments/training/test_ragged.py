"""Runs on sets of different sizes without padding, beside the same runs with it."""

import numpy as np
import pytest

from experiments.data import RaggedSets, evaluation_batches, load_point_sets, training_batches
from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.devices import find_devices
from experiments.training.setup import build_setup
from tests.experiments.conftest import train


def losses(output):
    return [row["loss"] for row in RunDirectory(output).metrics() if "loss" in row]


@pytest.mark.parametrize("model", ["sortpool", pytest.param("maxpool", marks=pytest.mark.slow)])
def test_a_run_is_that_of_padded_sets(configure, tmp_path, model):
    summaries = {
        ragged: train(configure(f"model={model}", f"data.ragged={ragged}"), tmp_path / ragged)
        for ragged in ("false", "true")
    }
    padded, flat = (losses(tmp_path / ragged) for ragged in summaries)
    assert len(flat) == 20
    np.testing.assert_allclose(flat, padded, rtol=1e-3)  # rounding, after twenty steps
    np.testing.assert_allclose(flat[0], padded[0], rtol=1e-5)
    accuracies = [summary["test_accuracy"] for summary in summaries.values()]
    np.testing.assert_allclose(*accuracies, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["meanpool", "sumpool"])
def test_the_first_loss_is_that_of_padded_sets(configure, model):
    found = []
    for ragged in ("false", "true"):
        setup = build_setup(configure(f"model={model}", f"data.ragged={ragged}"))
        steps = setup.steps()
        steps.compile(setup.batches[0], [1])
        found.append(np.asarray(steps(steps.leaves(setup.initial), [setup.batches[0]])[1])[0])
    np.testing.assert_allclose(*found, rtol=1e-4)


@pytest.mark.parametrize("in_memory", [True, False])
def test_batches_hold_the_points_of_their_sets(data_directory, in_memory):
    options = {"in_memory": in_memory, "progress": False, "max_points": 30}
    padded = load_point_sets("digits", data_directory, **options)
    ragged = load_point_sets("digits", data_directory, ragged=True, **options)
    assert ragged.train.kind is RaggedSets
    ours, theirs = (
        [*map(training_batches(data.train, 64, 0).__getitem__, (0, 40)), *evaluation_batches(data.test, 64)]
        for data in (ragged, padded)
    )
    assert len({batch["points"].shape for batch in ours}) == 1
    assert len(ours[0]["points"]) <= 64 * 30
    for batch, sets in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(batch["sizes"], sets["mask"].sum(1))
        total = batch["sizes"].sum()
        np.testing.assert_array_equal(batch["points"][:total], sets["points"][sets["mask"]])
        assert not batch["points"][total:].any()
        for name in {*sets} - {"points", "mask"}:
            np.testing.assert_array_equal(batch[name], sets[name])


def test_memory_and_disk_give_the_same_batches(data_directory):
    batches = [
        training_batches(
            load_point_sets("digits", data_directory, ragged=True, in_memory=in_memory, progress=False).train,
            *(32, 1),
        )[3]
        for in_memory in (True, False)
    ]
    for name, values in batches[0].items():
        np.testing.assert_array_equal(batches[1][name], values)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=dgcnn"], "data.ragged=true: model=dgcnn needs padding; write data.ragged=false"),
        (["model=attention"], "model=attention: AttentionPool needs padded sets; write data.ragged=false"),
        (["model=pswe"], "model=pswe: PSWE needs padded sets"),
        (["sort=softsort"], "model=sortpool: .* relaxed sort without a permutation"),
        (["task=autoencoding", "loss=chamfer", "model=dense_autoencoder"], "not for task=autoencoding"),
    ],
)
def test_what_needs_padding_says_so(configure, overrides, message):
    with pytest.raises(UserError, match=message):
        build_setup(configure("data.ragged=true", *overrides))


def test_several_devices_are_refused(configure, monkeypatch):
    devices = find_devices(None, 32)
    monkeypatch.setattr(type(devices), "count", 2)
    with pytest.raises(UserError, match=r"cannot be divided among 2 devices; write trainer\.devices=1"):
        build_setup(configure("data.ragged=true"), devices)
