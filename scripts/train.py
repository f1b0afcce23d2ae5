"""Trains a model: `python scripts/train.py --help`."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from experiments.cli import run


def train(config: DictConfig) -> float:
    """Trains as configured, in Hydra's output directory; returns the test metric that the task names."""
    from experiments.training import train as train_model  # after the command line was checked: it is slow

    output = Path(HydraConfig.get().runtime.output_dir)
    summary = train_model(config, output)
    metric = summary["metric"]
    score: float = summary[f"test_{metric}"]
    print(f"{summary['model']}: test {metric.replace('_', ' ')} {score:.4f}, results in {output}")
    return score


if __name__ == "__main__":
    run(train, config_dir=Path(__file__).parents[1] / "configs", config_name="train")
