"""Models of point sets, vectors and images, for flax.nnx."""

from experiments.models.deep_sets import DenseAutoencoder, FSAutoencoder, SetClassifier, SetGenerator
from experiments.models.dgcnn import DGCNN
from experiments.models.experts import ExpertClassifier
from experiments.models.multilayer_perceptron import LipschitzNetwork
from experiments.models.multilayer_perceptron import MultilayerPerceptron as VectorNetwork
from experiments.models.pooling import AttentionPool, MaxPool, MeanPool, SumPool
from experiments.models.score_network import ScoreNetwork

__all__ = [
    "DGCNN",
    "AttentionPool",
    "DenseAutoencoder",
    "ExpertClassifier",
    "FSAutoencoder",
    "LipschitzNetwork",
    "MaxPool",
    "MeanPool",
    "ScoreNetwork",
    "SetClassifier",
    "SetGenerator",
    "SumPool",
    "VectorNetwork",
]
