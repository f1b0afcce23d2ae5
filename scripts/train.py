"""Trains a model: `python scripts/train.py --help`."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.cli import run
from experiments.training.distributed import output_of_all, together
from experiments.training.job import run_job


def train(config: DictConfig) -> float:
    """Trains as configured, unless it has been, in Hydra's output directory; returns the test metric."""
    hydra = HydraConfig.get()
    sweep = Path(hydra.runtime.cwd, hydra.sweep.dir) if hydra.mode == RunMode.MULTIRUN else None
    with together(config, swept=sweep is not None):
        output = output_of_all(Path(hydra.runtime.output_dir))
        summary = run_job(config, hydra, output, sweep)
        metric = summary["metric"]
        score: float = summary[f"test_{metric}"]
        print(f"{summary['model']}: test {metric.replace('_', ' ')} {score:.4f}, results in {output}")
    return score


if __name__ == "__main__":
    run(train, config_dir=Path(__file__).parents[1] / "configs", config_name="train")
