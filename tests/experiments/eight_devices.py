"""Checks for a process with eight devices: `python -m tests.experiments.eight_devices` prints a line each."""

import re
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import diffsort
from experiments import schema  # noqa: F401 (declares what configs may say)
from experiments.errors import UserError
from experiments.hydra_versions import INITIALIZE, register_resolver
from experiments.run_directory import RunDirectory
from experiments.training.devices import find_devices
from experiments.training.loading import load_run
from experiments.training.setup import build_setup
from tests.experiments.conftest import CONFIGS, train

SMALL = ("trainer.steps=10", "trainer.evaluate_every=5", "trainer.checkpoint_every=5")
_COLLECTIVE = re.compile(
    r" (all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)(?:-start)?\("
)


def configure(*overrides):
    with initialize_config_dir(str(CONFIGS), **INITIALIZE):
        return compose("train", overrides=["trainer.measure_sort=false", *SMALL, *overrides])


def collectives(*overrides):
    """Those of the compiled step."""
    setup = build_setup(configure(*overrides))
    steps = setup.steps()
    steps.compile(setup.batches[0], [1])
    return setup.devices.count, set(_COLLECTIVE.findall(steps.compiled().as_text()))


def nothing_is_moved_but_the_gradient():
    for model in ("sortpool", "pswe", "dgcnn"):
        for sort in ("manual", "manual:xla", "builtin"):
            found = collectives(f"model={model}", f"sort={sort}")
            assert found == (8, {"all-reduce"}), (model, sort, found)


def losses_agree_with_one_device():
    with tempfile.TemporaryDirectory() as directory:
        rows, summaries = [], []
        for devices in ("null", "1"):
            output = Path(directory, devices)
            summaries.append(train(configure(f"trainer.devices={devices}"), output))
            rows.append(RunDirectory(output).metrics())
        assert [summary["device_count"] for summary in summaries] == [8, 1]
        for row, other in zip(*rows, strict=True):
            assert row.keys() == other.keys()
            for key in row.keys() - {"seconds"}:
                assert np.isclose(row[key], other[key], rtol=1e-4, atol=1e-6), (key, row, other)
        metrics, _ = load_run(Path(directory, "null")).evaluate()
        assert np.isclose(metrics["loss"], summaries[0]["test_loss"], rtol=1e-5)


def a_run_goes_on_with_another_number_of_devices():
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory)
        train(configure("trainer.devices=8"), output)
        longer = ("trainer.steps=20", f"trainer.resume={output}")
        summary = train(configure("trainer.devices=2", *longer), output)
        assert (summary["steps"], summary["device_count"]) == (20, 2)


def the_sort_is_the_same_bit_for_bit():
    devices = find_devices(None, 64)
    x = np.random.default_rng(0).normal(size=(64, 42, 16)).astype(np.float32)
    function = jax.jit(jax.value_and_grad(lambda x: diffsort.sort(x, 1)[:, 7].sum(), has_aux=False))
    sorts = jax.jit(lambda x: diffsort.sort_with_indices(x, 1))
    placed = devices.place({"x": x})["x"]
    assert len(placed.sharding.device_set) == 8
    for there, here in zip(jax.tree.leaves(sorts(placed)), jax.tree.leaves(sorts(x)), strict=True):
        np.testing.assert_array_equal(np.asarray(there), np.asarray(here))
    np.testing.assert_array_equal(np.asarray(function(placed)[1]), np.asarray(function(x)[1]))


def what_does_not_divide_is_told():
    with pytest.raises(
        UserError, match=r"cannot be divided among 8 devices; write .*=64, or trainer.devices=6"
    ):
        build_setup(configure("trainer.batch_size=60"))


CHECKS = [
    check.__name__
    for check in (
        nothing_is_moved_but_the_gradient,
        losses_agree_with_one_device,
        a_run_goes_on_with_another_number_of_devices,
        the_sort_is_the_same_bit_for_bit,
        what_does_not_divide_is_told,
    )
]

if __name__ == "__main__":
    register_resolver()
    for name in CHECKS:
        globals()[name]()
        print(f"{name}: as it should be", flush=True)
