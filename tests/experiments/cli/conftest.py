"""A command line to try: the project's configs, a task that takes no time, and a call of the entry point."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from experiments import cli
from tests.experiments.conftest import CONFIGS


@dataclass
class Outcome:
    status: int
    out: str
    err: str


Invoke = Callable[..., Outcome]
Task = Callable[[DictConfig], object]


@pytest.fixture
def invoke(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    _logging_left_alone: None,
) -> Invoke:
    """Calls the entry point in a directory of its own, as from a shell."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def invoke(*arguments: str, task: Task = lambda _: None) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        status = 0
        try:
            cli.run(lambda composed: task(composed), config_dir=CONFIGS, config_name="train")
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 0
        assert not GlobalHydra.instance().is_initialized()
        return Outcome(status, *capsys.readouterr())

    return invoke


SCRIPT = f"""
import os
import signal
import sys
import time
from pathlib import Path

from experiments.cli import run
from experiments.errors import UserError


def train(config):
    print(f"job {{config.seed}} of {{config.model.name}} in process {{os.getpid()}}", flush=True)
    print("sees", os.environ.get("NPROC"), "jax" in sys.modules)
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
    run(train, config_dir=Path({str(CONFIGS)!r}), config_name="train")
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a script in a session of its own, as a terminal would."""
    (tmp_path / "train.py").write_text(SCRIPT)
    started: list[subprocess.Popen[str]] = []

    def start_with(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "train.py", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(CONFIGS.parent), **environment},
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
