"""Compiled steps: several a call, other precisions, on several devices."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.devices import find_devices, first_device
from experiments.training.setup import build_setup
from experiments.training.steps import make_train_step
from tests.experiments import eight_devices
from tests.experiments.conftest import train


def rows(output):
    return [
        {key: value for key, value in row.items() if key != "seconds"}
        for row in RunDirectory(output).metrics()
    ]


def test_several_steps_a_call_are_the_same_steps(configure, tmp_path):
    for several in (1, 3):  # 20 steps, evaluations and checkpoints every 10: three calls of 3 and one of 1
        train(configure(f"trainer.steps_per_call={several}"), tmp_path / str(several))
    one, three = (rows(tmp_path / str(several)) for several in (1, 3))
    assert [row["step"] for row in one] == [row["step"] for row in three]
    for row, other in zip(one, three, strict=True):
        assert row == pytest.approx(other, rel=1e-5)


def test_a_call_takes_the_memory_of_the_state(configure):
    setup = build_setup(configure())
    steps = setup.steps()
    leaves = steps.leaves(setup.initial)
    steps.compile(setup.batches[0], [1])
    new, metrics = steps(leaves, [setup.batches[0]])
    assert all(leaf.is_deleted() for leaf in leaves)
    assert not any(leaf.is_deleted() for leaf in new + jax.tree.leaves(setup.initial))
    assert metrics.shape == (1, len(steps.names))
    assert steps.names[0] == "loss"


def test_half_precision_is_for_the_model_alone(configure, tmp_path):
    setup = build_setup(configure("trainer.precision=bfloat16"))
    seen = {}

    class Watched(type(setup.task)):
        def forward(self, model, batch):
            made = super().forward(model, batch)
            seen.update(
                weights=jax.tree.leaves(nnx.state(model._model))[0].dtype, scores=made["scores"].dtype
            )
            return made

    setup.task.__class__ = Watched
    step = make_train_step(setup.graph, setup.task, setup.optimizer, precision="bfloat16")
    state, metrics = jax.eval_shape(step, setup.initial, setup.batches[0])
    assert seen == {"weights": jnp.bfloat16, "scores": jnp.float32}
    assert {leaf.dtype for leaf in jax.tree.leaves(state.parameters)} == {jnp.dtype("float32")}
    assert metrics["loss"].dtype == jnp.float32
    train(configure("trainer.precision=bfloat16"), tmp_path / "half")
    train(configure(), tmp_path / "single")
    half, single = (rows(tmp_path / name) for name in ("half", "single"))
    assert [row.get("loss") for row in half] != [row.get("loss") for row in single]
    for there, here in zip(half, single, strict=True):
        assert there.get("loss", 0) == pytest.approx(here.get("loss", 0), rel=0.03)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.devices=9", "trainer.devices=9: there are 1 here; write 1, or null for all"),
        ("trainer.devices=0", "trainer.devices=0: there are 1 here"),
        ("trainer.steps_per_call=0", "trainer.steps_per_call=0 must be at least 1"),
        (
            "trainer.precision=float16",
            r"trainer.precision=float16: no such choice \(choices: float32, bfloat16",
        ),
        ("trainer.on_nonfinite=go", r"trainer.on_nonfinite=go: no such choice \(choices: stop, skip, rewind"),
    ],
)
def test_mistakes_are_told(configure, override, message):
    with pytest.raises(UserError, match=message):
        build_setup(configure(override))


def test_one_device_is_found():
    assert find_devices(None, 7).count == first_device().count == jax.local_device_count() == 1


@pytest.fixture(scope="module")
def told(data_directory):
    """What a process with eight devices says of each check."""
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "TFDS_DATA_DIR": str(data_directory),
    }
    command = [sys.executable, "-W", "error", "-m", eight_devices.__name__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("check", eight_devices.CHECKS)
def test_on_eight_devices(told, check):
    assert f"{check}: as it should be" in told


def test_batches_stay_where_they_are_on_a_cpu(configure):
    batch = build_setup(configure()).batches[0]
    assert first_device().place(batch) is batch
    assert isinstance(batch["points"], np.ndarray)
