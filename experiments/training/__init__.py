"""Training a model as a config describes it."""

from experiments.training.train import train

__all__ = ["train"]
