import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.errors import UserError
from experiments.run_directory import RunDirectory, locate, run_key


def test_a_reason_is_kept_until_it_is_forgotten(tmp_path):
    run = RunDirectory(tmp_path / "not" / "made yet")
    assert run.error() is None
    run.keep_error("thirteen is unlucky", "Traceback\n  line\nUserError: thirteen is unlucky\n")
    assert run.error() == "thirteen is unlucky"
    run.forget_error()
    assert run.error() is None
    run.forget_error()


def test_what_was_asked_for_comes_back(configure, tmp_path):
    config = configure("seed=3", "model=maxpool")
    run = RunDirectory(tmp_path / "run")
    assert not run.is_run
    run.begin(config, OmegaConf.create({"overrides": {"task": ["seed=3", "model=maxpool"]}}))
    assert run.is_run
    assert run.config() == config
    assert run.overrides() == ["seed=3", "model=maxpool"]


@pytest.mark.parametrize("content", [None, "- a list", "a: [", "\0"])
def test_a_directory_without_a_config_is_no_run(content, tmp_path):
    (tmp_path / ".hydra").mkdir()
    if content is not None:
        (tmp_path / ".hydra" / "config.yaml").write_text(content)
    with pytest.raises(UserError, match="not the directory of a run"):
        RunDirectory(tmp_path).config()


def test_metrics_end_where_a_run_was_killed(tmp_path):
    run = RunDirectory(tmp_path)
    assert run.metrics() == []
    for end in ('{"step": 3, "lo', "[3]", '{"loss": 3}', '{"step": "3"}', "\xff"):
        text = '{"step": 1, "loss": "NaN"}\n{"step": 2}\n' + end
        (tmp_path / "metrics.jsonl").write_bytes(text.encode("latin-1"))
        assert [row["step"] for row in run.metrics()] == [1, 2]
    assert math.isnan(run.metrics()[0]["loss"])
    assert len(run.keep(1)) == 1
    assert [row["step"] for row in run.metrics()] == [1]


@pytest.mark.parametrize("last", [None, 4, 7, 9])
def test_checkpoints_beyond_the_metrics_were_given_up(tmp_path, last):
    run = RunDirectory(tmp_path)
    for step in (5, 10, 7):
        (tmp_path / "checkpoints" / str(step)).mkdir(parents=True)
    (tmp_path / "checkpoints" / "11.tmp").mkdir()
    if last is not None:
        (tmp_path / "metrics.jsonl").write_text(f'{{"step": {last}}}\n')
    steps = [int(path.name) for path in run.checkpoints()]
    assert steps == ([7, 5] if last in (7, 9) else [10, 7, 5])  # rather all than none
    for path in ("", "checkpoints"):
        assert locate(tmp_path / path) == (run, run.checkpoints())
    assert locate(tmp_path / "checkpoints" / "10") == (run, [tmp_path / "checkpoints" / "10"])


def test_clearing_removes_what_is_ours_and_follows_no_link(tmp_path):
    elsewhere, directory = tmp_path / "elsewhere", tmp_path / "run"
    (elsewhere / "checkpoints" / "5").mkdir(parents=True)
    (directory / ".hydra").mkdir(parents=True)
    (directory / "best" / "5").mkdir(parents=True)
    for name in ("summary.json", "metrics.jsonl", "notes.txt"):
        (directory / name).write_text("{}")
    (directory / "checkpoints").symlink_to(elsewhere / "checkpoints")
    RunDirectory(directory).clear()
    assert [path.name for path in directory.iterdir()] == ["notes.txt"]
    assert (elsewhere / "checkpoints" / "5").is_dir()


def test_a_second_process_is_told_of_the_first(tmp_path):
    run = RunDirectory(tmp_path / "run")
    program = f"""
from pathlib import Path
from experiments.run_directory import RunDirectory
with RunDirectory(Path({str(run.path)!r})).owned():
    pass
"""
    command = [sys.executable, "-c", program]
    with run.owned():
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        with pytest.raises(UserError, match=f"in use by process {os.getpid()} on "), run.owned():
            pass
    assert f"in use by process {os.getpid()} on " in second.stderr
    subprocess.run(command, check=True)  # the owner is gone
    assert not list(Path(run.path).glob(".owner*"))


@pytest.mark.parametrize(
    "changed",
    [
        ["sort=builtin"],
        ["data.directory=elsewhere"],
        ["logger._target_=elsewhere.Logger"],
        ["trainer.checkpoint_every=7", "trainer.keep_checkpoints=9", "trainer.overwrite=true"],
        ["+model.setting_that_comes_new=null"],
    ],
)
def test_what_cannot_change_a_result_does_not_count(configure, changed):
    assert run_key(configure("model=maxpool", *changed)) == run_key(configure("model=maxpool"))


@pytest.mark.parametrize(
    "changed",
    [
        "seed=1",
        "sort=builtin",
        "model=dgcnn",
        "model.pooling.pieces=3",
        "optimizer.learning_rate=0.1",
        "data.max_points=10",
        "trainer.steps=3",
        "trainer.batch_size=16",
        "trainer.evaluate_every=3",
        "trainer.measure_sort=true",
        "trainer.resume=elsewhere",
        "trainer.patience=3",
    ],
)
def test_what_can_change_a_result_counts(configure, changed):
    assert run_key(configure(changed)) != run_key(configure())


def test_the_order_of_the_keys_does_not_count(configure):
    config = configure()
    turned = OmegaConf.create({key: config[key] for key in reversed(list(config))})
    assert run_key(turned) == run_key(config)


def test_the_config_is_left_as_it_is(configure):
    config = configure()
    run_key(config)
    assert config == configure()
