"""Losses that the library has no business with, and its own as the configs name them."""

from experiments.losses.heads import Ensemble, Gaussian, Head, Quantiles, SquaredError
from experiments.losses.loss import Loss, tempered_cross_entropy
from experiments.losses.ranking import PermutationCrossEntropy, RankError, RankingLoss
from experiments.losses.sets import Chamfer, KernelEnergy, Pairwise, SetLoss, SetPair, SlicedWasserstein

__all__ = [
    "Chamfer",
    "Ensemble",
    "Gaussian",
    "Head",
    "KernelEnergy",
    "Loss",
    "Pairwise",
    "PermutationCrossEntropy",
    "Quantiles",
    "RankError",
    "RankingLoss",
    "SetLoss",
    "SetPair",
    "SlicedWasserstein",
    "SquaredError",
    "tempered_cross_entropy",
]
