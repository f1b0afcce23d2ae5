"""Whole runs, small ones: what they write, and that the sort does not matter."""

import datetime
import gc
import json
import resource
from pathlib import Path

import pytest

from diffsort.soft import Transport
from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.loggers import RunLogger
from tests.experiments.conftest import train

with_ott = pytest.mark.skipif(Transport().why_unavailable() is not None, reason="ott-jax is not installed")


def run(configure, output, *overrides):
    return train(configure(*overrides), output)


def losses(output):
    return {row["step"]: row["loss"] for row in RunDirectory(output).metrics() if "loss" in row}


def numbers(output):
    """The rows of a run without its times."""
    rows = RunDirectory(output).metrics()
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_a_run_writes_what_the_design_says(configure, tmp_path):
    # A sort that takes most of a step, so that its share is more than nothing on a busy machine too.
    summary = run(configure, tmp_path, "trainer.measure_sort=true", "sort=double_argsort")
    assert {path.name for path in tmp_path.iterdir()} == {
        ".hydra",
        ".lock",
        "best",
        "metrics.jsonl",
        "summary.json",
        "curves.png",
        "checkpoints",
    }
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert summary["steps"] == 20
    assert summary["parameters"] == 3 * 64 + 64 + 64 * 128 + 128 + 128 * 21 + 128 * 64 + 64 + 64 * 10 + 10
    assert 0 <= summary["test_accuracy"] <= 1
    assert 0 < summary["sort_fraction"] < 1
    assert summary["step_time_ms"] > 0
    assert summary["compile_time_s"] > 0
    assert summary["step_memory_mb"] > 0
    assert summary["metric"] == "accuracy"
    assert summary["best_step"] in (10, 20)
    assert summary["stopped_at"] is None
    assert {"device", "versions", "git_revision"} <= summary.keys()
    rows = RunDirectory(tmp_path).metrics()
    assert summary["duration_s"] == rows[-1]["seconds"]
    assert summary["best_validation_accuracy"] == max(row.get("validation_accuracy", 0) for row in rows)
    assert datetime.datetime.fromisoformat(summary["date"]).tzinfo is not None
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 21))
    assert [row["step"] for row in rows if "validation_loss" in row] == [10, 20]
    keys = {"step", "seconds", "loss", "accuracy", "gradient_norm", "learning_rate"}
    assert all(row.keys() == keys for row in rows if "loss" in row)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("model", ["sortpool", "dgcnn"])
def test_losses_are_bitwise_equal_whatever_the_sort(configure, tmp_path, model):
    curves = []
    for sort in ("manual", "manual:xla", "builtin", "double_argsort"):
        run(configure, tmp_path / sort, f"model={model}", f"sort={sort}", "trainer.steps=30")
        curves.append(numbers(tmp_path / sort))
    assert all(curve == curves[0] for curve in curves)


@with_ott
@pytest.mark.slow
def test_a_relaxed_sort_trains_too(configure, tmp_path):
    small = ("model.point_widths=[4]", "model.set_widths=[4]", "trainer.steps=3", "trainer.measure_sort=true")
    for sort in ("manual", "ott"):
        summary = run(configure, tmp_path / sort, f"sort={sort}", *small)
    assert summary["sort"] == "ott"
    assert 0 < summary["sort_fraction"] <= 1
    soft, hard = (list(losses(tmp_path / sort).values()) for sort in ("ott", "manual"))
    assert soft == pytest.approx(hard, rel=0.1)
    assert soft != hard


@with_ott
def test_a_model_that_needs_a_permutation_refuses_a_relaxed_sort(configure, tmp_path):
    with pytest.raises(
        UserError, match=r"model=dgcnn: .*'ott' is a relaxed sort without a permutation.*use"
    ) as caught:
        run(configure, tmp_path, "model=dgcnn", "sort=ott")
    assert "\n" not in str(caught.value)


def test_a_run_can_be_repeated_and_its_seed_matters(configure, tmp_path):
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        run(configure, tmp_path / name, f"seed={seed}")
    assert losses(tmp_path / "first") == losses(tmp_path / "again")
    assert losses(tmp_path / "first") != losses(tmp_path / "other")


def test_a_model_that_does_not_sort_spends_nothing_on_it(configure, tmp_path):
    summary = run(configure, tmp_path, "model=maxpool", "trainer.measure_sort=true")
    assert summary["sort_fraction"] == 0.0


def test_training_learns(configure, tmp_path):
    summary = run(configure, tmp_path, "trainer.steps=200", "trainer.evaluate_every=100")
    curve = losses(tmp_path)
    assert curve[200] < 0.3 * curve[1]
    assert summary["test_accuracy"] > 0.7


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed=-1"], "seed=-1 must not be negative"),
        (["trainer.patience=0"], "trainer.patience=0 must be at least 1, or null"),
        (["trainer.steps=0"], "trainer.steps=0 must be at least 1"),
        (["trainer.batch_size=100000"], "100000"),
        (["optimizer.learning_rate=-1.0"], "optimizer.learning_rate=-1.0 must be at least 0"),
        (["optimizer.warmup=2.0"], "optimizer.warmup=2.0 must be between 0 and 1"),
        (
            ["sort.implementation=manul"],
            "sort.implementation=manul: no such implementation; did you mean manual.*_target_",
        ),
        (["model.pooling.pieces=0"], "pieces=0 must be at least 1"),
        (["model=attention", "model.pooling.num_heads=3"], "num_heads|divisible"),
        (["model=dgcnn", "model.k=100"], "model.k=100 is more than"),
        (["model=dgcnn", "model.k=3"], "k=3 must be at least 8"),
        (["data.name=digit"], "digit"),
        (["data.label_noise=1.5"], "data.label_noise=1.5"),
        (["data.rare_classes=[10]"], "data.rare_classes: 10 is no class"),
        (["reduction=average_top_k", "reduction.k=0"], "reduction: k=0"),
        (["reduction=extremile", "reduction.spectrum.r=-1.0"], "r=-1.0"),
        (["task=regression"], "task=regression: this loss is for another task"),
        (["loss=quantile"], "task=classification: this loss is for another task"),
        (["task=regression", "loss=quantile"], "data=digits: task=regression needs Measurements"),
        (["data=digit_vectors"], "model=sortpool: not for task=classification with data=digits"),
        (["model=generator"], "model=generator: not for task=classification"),
        (["trainer.resume=/nowhere"], "/nowhere: no such directory"),
        (["trainer.resume=/usr"], "/usr: no checkpoints there"),
    ],
)
def test_mistakes_are_told_in_one_line(configure, tmp_path, overrides, message):
    with pytest.raises(UserError, match=message) as caught:
        run(configure, tmp_path / "run", *overrides)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_memory_stays_flat(configure, tmp_path, monkeypatch):
    pages = {}
    log = RunLogger.log

    def watched(self, row):
        log(self, row)
        if "loss" in row and row["step"] % 2000 == 0:
            gc.collect()
            pages[row["step"]] = int(Path("/proc/self/statm").read_text().split()[1])

    monkeypatch.setattr(RunLogger, "log", watched)
    small = ("model=maxpool", "model.point_widths=[4]", "model.set_widths=[4]", "trainer.steps=10000")
    run(configure, tmp_path, *small, "trainer.evaluate_every=100", "trainer.checkpoint_every=500")
    assert list(pages) == [2000, 4000, 6000, 8000, 10000]
    megabytes = [count * resource.getpagesize() / 1e6 for count in pages.values()]
    assert megabytes[-1] - megabytes[1] < 10, megabytes
