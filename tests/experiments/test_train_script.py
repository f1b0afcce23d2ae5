"""scripts/train.py itself, on the smallest of runs."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from experiments import cli
from tests.experiments.conftest import CONFIGS

SMALL = ("+experiment=smoke", "model=maxpool", "trainer.measure_sort=false", "hydra.sweep.dir=here")


@pytest.fixture
def train(monkeypatch, tmp_path, capsys, data_directory, _logging_left_alone):
    """Calls the script as from a shell; returns what it printed to stdout and stderr."""
    spec = importlib.util.spec_from_file_location("train", CONFIGS.parent / "scripts" / "train.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments, f"data.directory={data_directory}"])
        cli.run(script.train, config_dir=CONFIGS, config_name="train")
        return capsys.readouterr()

    return call


def test_a_sweep_trains_what_differs_and_again_what_has_changed(train):
    typed = ("-m", *SMALL, "sort=manual,builtin", "hydra.sweep.subdir=${sort.implementation}")
    printed = train(*typed, "trainer.steps=2")
    assert printed.err.count("step 1/2") == 1
    assert [line[:30] for line in printed.err.splitlines() if line.startswith("[")] == [
        "[1/2] sort=manual: test accura",
        "[2/2] sort=builtin: test accur",
    ]
    manual, builtin = (
        json.loads(Path("here", sort, "summary.json").read_text()) for sort in ("manual", "builtin")
    )
    assert builtin == {**manual, "sort": "builtin", "same_as": "../manual"}
    rows = [Path("here", sort, "metrics.jsonl").read_text() for sort in ("manual", "builtin")]
    assert rows[0] == rows[1]

    assert "step 1" not in train(*typed, "trainer.steps=2", "trainer.checkpoint_every=1").err
    with pytest.raises(SystemExit):
        train(*typed, "trainer.steps=3")
    printed = train(*typed, "trainer.steps=3", "trainer.overwrite=true")
    assert printed.err.count("step 1/3") == 2
    again = json.loads(Path("here", "manual", "summary.json").read_text())
    assert (again["steps"], again["run_key"] != manual["run_key"]) == (3, True)
    assert [path.name for path in Path("here", "manual", "checkpoints").iterdir()] == ["3"]
