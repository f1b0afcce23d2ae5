"""What `trainer.resume` takes from the run that it names."""

from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from experiments.run_directory import RunDirectory
from tests.experiments.cli.conftest import Invoke


@pytest.fixture
def run(invoke: Invoke) -> Path:
    """A run of a study, with settings of its own."""

    def begin(config: DictConfig) -> None:
        hydra = HydraConfig.get()
        RunDirectory(Path(hydra.runtime.output_dir)).begin(config, hydra)

    typed = "+experiment=crps", "hydra.mode=RUN", "hydra.run.dir=a b/run", "++seed=3", "trainer={steps:7}"
    assert invoke(*typed, "trainer.overwrite=true", task=begin).status == 0
    for below in ("checkpoints/5", "best/7"):
        Path("a b/run", below).mkdir(parents=True)
    return Path("a b/run")


@pytest.mark.parametrize("below", ["", "checkpoints", "checkpoints/5", "best/7"])
def test_a_run_goes_on_with_its_own_settings(invoke: Invoke, run: Path, below: str) -> None:
    seen: list[DictConfig] = []
    outcome = invoke(f"trainer.resume='{run / below}'", "trainer.batch_size=8", task=seen.append)
    assert outcome.status == 0, outcome.err
    (config,) = seen
    assert (config.task.name, config.seed, config.trainer.steps, config.trainer.batch_size) == (
        *("regression", 3),
        *(7, 8),
    )
    assert (config.trainer.resume, config.trainer.overwrite) == (str(run / below), False)


def test_what_is_typed_replaces_what_the_run_was_told(invoke: Invoke, run: Path) -> None:
    seen: list[DictConfig] = []
    typed = f"trainer.resume='{run}'", "+experiment=quantile_regression", "seed=4,5"
    outcome = invoke("-m", *typed, "hydra.sweeper.params=null", task=seen.append)
    assert outcome.status == 0, outcome.err
    assert [(config.seed, "Quantiles" in config.loss._target_) for config in seen] == [(4, True), (5, True)]


def test_settings_that_cannot_be_read_are_told(invoke: Invoke, run: Path) -> None:
    (run / ".hydra" / "overrides.yaml").write_text("a: b")
    outcome = invoke(f"trainer.resume='{run}'")
    assert (outcome.status, outcome.err) == (
        2,
        "error: trainer.resume=a b/run: .hydra/overrides.yaml does not hold a list\n",
    )
