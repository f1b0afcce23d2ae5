"""A command line to try: configs in a folder of their own, and a call of the entry point."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from experiments import cli
from tests.experiments.conftest import CONFIGS as REAL_CONFIGS

CONFIGS = {
    "train": """
        defaults: [model: dgcnn, sort: manual, optimizer: adam, trainer: default, _self_]
        seed: 0
        shuffle: true
        name: ${model.name}
        directory: ${hydra:runtime.output_dir}/${hydra:job.num}
        notes: {}
        """,
    "model/attention": "name: attention",
    "model/dgcnn": """
        name: dgcnn
        k: 30
        widths: [32, 32]
        """,
    "model/sortpool": "name: sortpool",
    "sort/builtin": "implementation: builtin",
    "sort/manual": "implementation: manual",
    "optimizer/adam": "learning_rate: 0.001",
    "trainer/default": """
        steps: 100
        batch_size: 32
        """,
    "trainer/resumed": "checkpoint: ???",
    "experiment/smoke": """
        # @package _global_
        defaults: [override /model: sortpool]
        trainer: {steps: 3}
        """,
    "experiment/stale": """
        # @package _global_
        defaults: [override /model: sortpol]
        """,
    "experiment/seeds": """
        # @package _global_
        hydra:
          mode: MULTIRUN
          sweeper: {params: {model: "sortpool,dgcnn", seed: "1,2"}}
          sweep: {dir: multirun/seeds}
        """,
    "hydra/sweeper/other": """
        _target_: hydra._internal.core_plugins.basic_sweeper.BasicSweeper
        max_batch_size: null
        params: null
        """,
    "broken/yaml": "a: b: c",
    "unchosen": "defaults: [model: '???', _self_]",
    "swept": """
        defaults: [train, _self_]
        hydra: {mode: MULTIRUN, sweeper: {params: {model: "sortpool,dgcnn", seed: "1,2"}}}
        """,
    "grid": "defaults: [train, override hydra/sweeper: grid, _self_]",
    "study": """
        defaults: [train, override hydra/sweeper: grid, _self_]
        directory: here
        trainer: {resume: null}
        hydra:
          sweep: {dir: here, subdir: "${hydra_override_dirname:}"}
          callbacks: {progress: {_target_: experiments.sweeps.callbacks.SweepProgress}}
        """,
    "typed": """
        defaults: [typed_schema, _self_]
        steps: 3
        """,
}


@dataclass
class Outcome:
    status: int
    out: str
    err: str


Invoke = Callable[..., Outcome]
Task = Callable[[DictConfig], object]


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    for name, text in CONFIGS.items():
        path = tmp_path / "configs" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    shutil.copytree(REAL_CONFIGS / "hydra", tmp_path / "configs" / "hydra", dirs_exist_ok=True)
    return tmp_path / "configs"


@pytest.fixture
def invoke(
    configs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    _logging_left_alone: None,
) -> Invoke:
    monkeypatch.chdir(configs.parent)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def invoke(*arguments: str, task: Task = lambda _: None, config: str = "train") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        status = 0
        try:
            cli.run(lambda composed: task(composed), config_dir=configs, config_name=config)
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 0
        assert not GlobalHydra.instance().is_initialized()
        return Outcome(status, *capsys.readouterr())

    return invoke


SCRIPT = """
import os
import signal
import sys
import time
from pathlib import Path

from experiments.cli import run
from experiments.errors import UserError


def train(config):
    print(f"job {config.seed} of {config.model.name} in process {os.getpid()}", flush=True)
    print("HYDRA_FULL_ERROR:", os.environ.get("HYDRA_FULL_ERROR"), file=sys.stderr)
    if config.seed == 13:
        raise UserError("thirteen is unlucky")
    if config.seed == 14:
        raise RuntimeError("boom")
    if config.seed == 15:
        os.kill(os.getpid(), signal.SIGKILL)
    if config.seed == 16:
        time.sleep(600)
    return 0.5


if __name__ == "__main__":
    run(train, config_dir=Path(__file__).parent / "configs", config_name="train")
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(configs: Path) -> Iterator[Start]:
    """Starts a script in a session of its own, as a terminal would."""
    (configs.parent / "train.py").write_text(SCRIPT)
    started: list[subprocess.Popen[str]] = []

    def start_with(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "train.py", *arguments],
            cwd=configs.parent,
            env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2]), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    # Tests that run in the background of a shell ignore interrupts, and what they start would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield start_with
    signal.signal(signal.SIGINT, before)
    for process in started:
        with process:
            process.kill()
