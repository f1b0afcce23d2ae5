"""Sweeps that a config asks for: what the command line may change of them, and how their jobs fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import DictConfig

from experiments.cli.environment import Sweep, current_sweep
from experiments.errors import UserError
from tests.experiments.cli.conftest import Invoke

EVERY_MODEL = [("sortpool", 4), ("dgcnn", 4)]


@pytest.mark.parametrize(
    ("typed", "ran"),
    [
        ("", [("sortpool", 1), ("sortpool", 2), ("dgcnn", 1), ("dgcnn", 2)]),
        ("seed=4", EVERY_MODEL),
        ("++seed=4", EVERY_MODEL),
        ("seed=3,4 model=dgcnn", [("dgcnn", 3), ("dgcnn", 4)]),
        ("++seed=3,4 model=dgcnn", [("dgcnn", 3), ("dgcnn", 4)]),
        ("~shuffle seed=4", EVERY_MODEL),
        ("seed=4 hydra.mode=RUN", [("dgcnn", 4)]),
        ("-m seed=4", EVERY_MODEL),
        ("seed=4 hydra.sweeper.max_batch_size=1", EVERY_MODEL),
    ],
)
def test_the_command_line_comes_before_the_config(invoke: Invoke, typed: str, ran: list[object]) -> None:
    seen: list[DictConfig] = []
    outcome = invoke(*typed.split(), "+experiment=seeds", config="grid", task=seen.append)
    assert (outcome.status, outcome.err) == (0, "")
    assert [(config.name, config.seed) for config in seen] == ran


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("seed=interval(0,1)", "seed=interval(0,1): a sweep lists its values, as in seed=1,2,3"),
        ("++seed=abc", "++seed=abc: seed takes a whole number; write seed=0"),
        ("model=dgcn", "model=dgcn: no such choice; did you mean dgcnn?"),
        ("hydra.sweeper.params.seed=1,abc", "hydra.sweeper.params.seed=1,abc: Hydra's own settings take"),
        ("hydra.sweeper.params.model=dgcn", "model=dgcn: no such choice; did you mean dgcnn?"),
        ("hydra.mode=RUN seed=1,2", "seed=1,2: several values; put -m first"),
    ],
)
def test_what_is_checked_is_what_will_run(invoke: Invoke, typed: str, told: str) -> None:
    ran: list[DictConfig] = []
    outcome = invoke(*typed.split(), "+experiment=seeds", config="grid", task=ran.append)
    assert outcome.err.startswith(f"error: {told}")
    assert (outcome.err.count("\n"), outcome.status, ran) == (1, 2, [])


def test_jobs_know_of_their_sweep(invoke: Invoke, configs: Path) -> None:
    seen: list[Sweep | None] = []
    typed = "+experiment=seeds", "seed=4"
    invoke(*typed, config="grid", task=lambda _: seen.append(current_sweep()))
    assert seen == [Sweep(configs.parent / "multirun" / "seeds", 2, ("model",))] * 2
    invoke("seed=4", task=lambda _: seen.append(current_sweep()))
    assert seen[2:] == [None]


def test_a_failed_job_is_told_in_the_end_and_kept_in_its_directory(invoke: Invoke) -> None:
    def task(config: DictConfig) -> None:
        if config.seed == 13:
            raise UserError("thirteen is unlucky")
        if config.seed == 14:
            raise RuntimeError("boom\nand more")

    typed = "-m", "seed=1,13,14", "hydra/sweeper=grid", "hydra.sweep.dir=here"
    outcome = invoke(*typed, task=task)
    assert outcome.err.splitlines()[-2:] == [
        "error: seed=13: thirteen is unlucky",
        "error: seed=14: RuntimeError: boom and more",
    ]
    assert outcome.status == 1
    kept = {path.parent.name: path.read_text() for path in Path("here").rglob("error.txt")}
    assert kept.pop("1") == "thirteen is unlucky\n"
    (trace,) = kept.values()
    assert trace.startswith("RuntimeError: boom and more\nTraceback")
    assert trace.endswith("RuntimeError: boom\nand more\n")

    assert invoke(*typed).status == 0
    assert not list(Path("here").rglob("error.txt")), "what went well is not told apart from what failed"
