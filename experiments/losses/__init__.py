"""Losses that the library has no business with, and its own as the configs name them."""

from experiments.losses.cross_entropy import tempered_cross_entropy
from experiments.losses.heads import Ensemble, Gaussian, Quantiles, SquaredError
from experiments.losses.sets import Chamfer, KernelEnergy, Pairwise, SlicedWasserstein

__all__ = [
    "Chamfer",
    "Ensemble",
    "Gaussian",
    "KernelEnergy",
    "Pairwise",
    "Quantiles",
    "SlicedWasserstein",
    "SquaredError",
    "tempered_cross_entropy",
]
