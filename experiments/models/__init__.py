"""Models of point sets and vectors, for flax.nnx."""

from experiments.models.dgcnn import DGCNN
from experiments.models.multilayer_perceptron import LipschitzNetwork, VectorNetwork
from experiments.models.pooling import AttentionPool, MaxPool, MeanPool, SumPool
from experiments.models.set_autoencoder import DenseAutoencoder, FSAutoencoder
from experiments.models.set_classifier import SetClassifier
from experiments.models.set_generator import SetGenerator

__all__ = [
    "DGCNN",
    "AttentionPool",
    "DenseAutoencoder",
    "FSAutoencoder",
    "LipschitzNetwork",
    "MaxPool",
    "MeanPool",
    "SetClassifier",
    "SetGenerator",
    "SumPool",
    "VectorNetwork",
]
