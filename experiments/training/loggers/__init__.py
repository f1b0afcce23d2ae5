"""Where the numbers of a run go while it trains."""

from experiments.training.loggers.jsonl import JsonlLogger
from experiments.training.loggers.logger import Logger
from experiments.training.loggers.mlflow import MlflowLogger
from experiments.training.loggers.run_logger import RunLogger, build_logger
from experiments.training.loggers.tensorboard import TensorboardLogger
from experiments.training.loggers.wandb import WandbLogger

__all__ = [
    "JsonlLogger",
    "Logger",
    "MlflowLogger",
    "RunLogger",
    "TensorboardLogger",
    "WandbLogger",
    "build_logger",
]
