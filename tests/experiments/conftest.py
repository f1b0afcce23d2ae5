"""What the tests of experiments share: the digits, prepared once, and configs as a user would write them."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import absl.logging
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from experiments import schema  # noqa: F401 (declares what configs may say)
from experiments.hydra_versions import INITIALIZE
from experiments.training.job import run_job

# When Hydra sets up logging, absl's handler closes the stream it has, unless it is a standard one; the
# one it has is pytest's, if pytest was capturing when absl was imported.
absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__

CONFIGS = Path(__file__).parents[2] / "configs"
Configure = Callable[..., DictConfig]


@pytest.fixture(autouse=True)
def _signals_heeded() -> Iterator[None]:
    """Has signals heeded as in a terminal: what a shell starts in the background, or nohup, ignores some."""
    heeded = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in heeded.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def data_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of datasets, filled by the first test that reads one."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def configure(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Composes the main config with overrides, small enough for a test unless they say otherwise."""

    def compose_with(*overrides: str) -> DictConfig:
        small = (
            "trainer.steps=20",
            "trainer.batch_size=32",
            "trainer.evaluate_every=10",
            "trainer.checkpoint_every=10",
            "trainer.measure_sort=false",
        )
        monkeypatch.setenv("TFDS_DATA_DIR", str(data_directory))
        with initialize_config_dir(str(CONFIGS), **INITIALIZE):
            return compose("train", overrides=[*small, *overrides])

    return compose_with


def train(config: DictConfig, output: Path, sweep: Path | None = None) -> dict[str, Any]:
    """Does what the script does with a composed config."""
    return run_job(config, OmegaConf.create({"overrides": {"task": []}}), output, sweep)


@pytest.fixture
def _logging_left_alone() -> Iterator[None]:
    """Takes back what Hydra does to the root logger, and closes its files."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
