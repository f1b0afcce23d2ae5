"""Losses, gradients and metrics that are not finite."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.checkpoints import restore
from experiments.training.loggers import build_logger
from experiments.training.setup import build_setup
from experiments.training.train import Beginning
from experiments.training.train import train as train_from
from tests.experiments.conftest import train

DIVERGING = ("optimizer=sgd", "optimizer.learning_rate=1e10", "model=maxpool")
STEPS = 20


@dataclass(frozen=True)
class Poisoned:
    """Batches, in some of which a number is too large for a square."""

    batches: Any
    which: tuple[int, ...]
    value: float = 1e30

    @property
    def examples(self) -> Any:
        return self.batches.examples

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> Any:
        batch = self.batches[step]
        if step in self.which:
            batch["points"] = np.where(batch["mask"][..., None], np.float32(self.value), batch["points"])
        return batch

    def example_ids(self, step: int) -> np.ndarray:
        return self.batches.example_ids(step)


def train_poisoned(config, output, which, value=1e30):
    run, setup = RunDirectory(output), build_setup(config)
    setup = replace(setup, batches=Poisoned(setup.batches, which, value))
    output.mkdir()
    with build_logger(config, output) as logger:
        summary = train_from(config, run, setup, Beginning(0, setup.initial, [], {}), logger)
    return summary, [row for row in run.metrics() if "loss" in row]


def test_a_run_that_diverges_stops_and_is_not_saved(configure, tmp_path):
    with pytest.raises(UserError, match=r"is (inf|nan) at step \d+: the training diverged") as caught:
        train(configure(*DIVERGING, "trainer.checkpoint_every=1"), tmp_path)
    message, rows = str(caught.value), RunDirectory(tmp_path).metrics()
    checkpoint = RunDirectory(tmp_path).checkpoints()[0]
    assert "\n" not in message
    assert f"the last good checkpoint is {checkpoint}" in message
    assert "lower optimizer.learning_rate" in message
    assert int(checkpoint.name) == rows[-1]["step"] - 1
    assert np.isfinite([row["loss"] for row in rows[:-1]]).all()
    assert not (tmp_path / "summary.json").exists()


@pytest.mark.parametrize("several", [1, 5])
def test_the_examples_of_the_step_are_named(configure, tmp_path, several):
    config = configure("model=maxpool", f"trainer.steps_per_call={several}")
    ids = build_setup(config).batches.example_ids(7)
    with pytest.raises(UserError, match=f"at step 8: .*training examples {', '.join(map(str, ids[:8]))}"):
        train_poisoned(config, tmp_path / "run", (7,))


def test_data_are_told_from_divergence(configure, tmp_path):
    with pytest.raises(UserError, match="at step 4: numbers of its batch are not finite; mend the data"):
        train_poisoned(configure("model=maxpool"), tmp_path / "run", (3,), np.nan)


def test_a_step_is_skipped(configure, tmp_path):
    config = configure("model=maxpool", "trainer.on_nonfinite=skip")
    summary, rows = train_poisoned(config, tmp_path / "run", (7, 8))
    finite = np.isfinite([[row["loss"], row["gradient_norm"]] for row in rows]).all(1)
    assert (~finite).nonzero()[0].tolist() == [7, 8]
    assert len(rows) == summary["steps"] == STEPS
    assert np.isfinite(summary["test_loss"])


def test_what_never_becomes_finite_is_not_skipped_for_ever(configure, tmp_path):
    config = configure("model=maxpool", "trainer.on_nonfinite=skip", "trainer.steps=40")
    with pytest.raises(UserError, match="at step 16"):
        train_poisoned(config, tmp_path / "run", tuple(range(5, 40)))


def test_a_run_goes_back_and_on_with_other_batches(configure, tmp_path):
    config = configure("model=maxpool", "trainer.on_nonfinite=rewind", "trainer.checkpoint_every=5")
    summary, rows = train_poisoned(config, tmp_path / "run", (7,))
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert np.isfinite([row["loss"] for row in rows]).all()
    assert summary["steps"] == STEPS
    restored = restore([tmp_path / "run" / "checkpoints" / "15"], build_setup(config).initial)
    assert restored.extra == {"passed_over": 3}

    # Started anew from there it ends with the same losses, bit for bit.
    run, setup = RunDirectory(tmp_path / "rest"), build_setup(config)
    run.path.mkdir()
    before = run.keep(15, RunDirectory(tmp_path / "run"))
    beginning = Beginning(restored.step, restored.state, before, restored.extra)
    with build_logger(config, run.path) as logger:
        train_from(config, run, setup, beginning, logger)
    rest = [row for row in run.metrics() if "loss" in row]
    assert [row["loss"] for row in rest] == [row["loss"] for row in rows]


def test_a_run_does_not_go_back_for_ever(configure, tmp_path):
    config = configure("model=maxpool", "trainer.on_nonfinite=rewind", "trainer.checkpoint_every=5")
    with pytest.raises(UserError, match=r"at step \d+: the training diverged.*checkpoints/5"):
        train_poisoned(config, tmp_path / "run", tuple(range(7, 100)))


def test_a_test_metric_that_is_no_number_is_a_failure(configure, tmp_path):
    with pytest.raises(UserError, match="test loss is not a number after step 2"):
        train(configure(*DIVERGING, "optimizer.learning_rate=1e25", "trainer.steps=2"), tmp_path)
    assert not (tmp_path / "summary.json").exists()


@pytest.mark.slow
def test_debugging_finds_the_operation(configure, tmp_path):
    with pytest.raises(FloatingPointError, match=r"nan\) encountered in"):
        train(configure(*DIVERGING, "trainer.debug=true"), tmp_path)


@pytest.mark.slow
def test_debugging_changes_no_number(configure, tmp_path):
    for debug in ("true", "false"):
        train(configure("trainer.steps=3", f"trainer.debug={debug}"), tmp_path / debug)
    there, here = (
        [row.get("loss") for row in RunDirectory(tmp_path / debug).metrics()] for debug in ("true", "false")
    )
    assert there == here
