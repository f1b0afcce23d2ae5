"""Sweeps: what the command line may change of those that a config asks for, and how their jobs fail."""

from pathlib import Path

import pytest
import yaml
from omegaconf import DictConfig

from experiments.errors import UserError
from experiments.files import owned
from tests.experiments.cli.conftest import Invoke

STUDY = """
# @package _global_
hydra:
  mode: MULTIRUN
  sweep: {dir: here}
  sweeper: {params: {model: "maxpool,pswe", seed: "1,2"}}
"""
EVERY_MODEL = [("maxpool", 4), ("pswe", 4)]


@pytest.mark.parametrize(
    ("typed", "ran"),
    [
        ("", [("maxpool", 1), ("maxpool", 2), ("pswe", 1), ("pswe", 2)]),
        ("++seed=4", EVERY_MODEL),
        ("++seed=3,4 model=pswe", [("pswe", 3), ("pswe", 4)]),
        ("seed=4 hydra.mode=RUN", [("sortpool", 4)]),
        ("-m seed=4", EVERY_MODEL),
        ("seed=4 hydra.sweeper.max_batch_size=1", EVERY_MODEL),
    ],
)
def test_the_command_line_comes_before_the_config(invoke: Invoke, typed: str, ran: list[object]) -> None:
    Path("more", "experiment").mkdir(parents=True)
    Path("more", "experiment", "mine.yaml").write_text(STUDY.lstrip())
    seen: list[DictConfig] = []
    outcome = invoke("--config-dir=more", *typed.split(), "+experiment=mine", task=seen.append)
    assert outcome.status == 0, outcome.err
    assert [(config.model.name, config.seed) for config in seen] == ran
    if "RUN" not in typed:
        recorded = yaml.safe_load(Path("here", "multirun.yaml").read_text())["hydra"]
        assert recorded["overrides"]["task"] == [
            *[line for line in typed.split() if line[0] != "-" and "hydra" not in line],
            "+experiment=mine",
        ]


def test_failed_jobs_are_told_once_and_kept_in_their_directories(invoke: Invoke) -> None:
    ran: list[int] = []

    def task(config: DictConfig) -> None:
        ran.append(config.seed)
        if config.seed == 13:
            raise UserError("thirteen is unlucky")
        if config.seed == 14:
            raise RuntimeError("boom\nand more")

    typed = "-m", "seed=13,1,14", "hydra.sweep.dir=here"
    outcome = invoke(*typed, task=task)
    assert (outcome.status, ran) == (1, [13, 1, 14])
    assert outcome.err.splitlines()[-3:] == [
        "error: 2 of 3 jobs failed",
        "  seed=13: thirteen is unlucky",
        "  seed=14: RuntimeError: boom and more",
    ]
    assert (outcome.out + outcome.err).count("thirteen is unlucky") == 1
    assert "Traceback" not in outcome.err
    kept = {path.parent.name: path.read_text() for path in Path("here").rglob("error.txt")}
    assert kept.pop("seed=13") == "thirteen is unlucky\n"
    (trace,) = kept.values()
    assert trace.startswith("RuntimeError: boom and more\nTraceback")
    assert trace.endswith("RuntimeError: boom\nand more\n")
    begun = sorted(path.parents[1].name for path in Path("here").rglob(".hydra/config.yaml"))
    assert begun == ["seed=13", "seed=14"]

    assert invoke(*typed).status == 0
    assert not list(Path("here").rglob("error.txt")), "what went well is not told apart from what failed"


def test_a_directory_has_one_sweep_at_a_time(invoke: Invoke) -> None:
    Path("here").mkdir()
    with owned(Path("here"), "x"):
        before = sorted(path.name for path in Path("here").iterdir())
        outcome = invoke("-m", "seed=1,2", "hydra.sweep.dir=here")
        assert sorted(path.name for path in Path("here").iterdir()) == before
    assert outcome.status == 2
    assert outcome.err.startswith("error: here: in use by process ")
    assert outcome.err.endswith("; wait for it, or write hydra.sweep.dir=ANOTHER_DIRECTORY\n")
