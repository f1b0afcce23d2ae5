"""Models of point sets, for flax.nnx."""

from experiments.models.dgcnn import DGCNN
from experiments.models.pooling import AttentionPool, MaxPool, MeanPool, SumPool
from experiments.models.set_classifier import SetClassifier

__all__ = ["DGCNN", "AttentionPool", "MaxPool", "MeanPool", "SetClassifier", "SumPool"]
