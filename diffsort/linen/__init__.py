"""Sorted layers for flax.linen: the layers of `diffsort.nnx`, with the same parameters and numbers."""

from diffsort.linen.fspool import FSPool
from diffsort.linen.fsunpool import FSUnpool
from diffsort.linen.full_sort import FullSort
from diffsort.linen.group_sort import GroupSort
from diffsort.linen.max_min import MaxMin
from diffsort.linen.orthogonal_dense import OrthogonalDense
from diffsort.linen.pswe import PSWE
from diffsort.linen.quantile_pool import QuantilePool
from diffsort.linen.sort_pooling import SortPooling
from diffsort.linen.top_k_pool import TopKPool
from diffsort.linen.trimmed_mean_pool import TrimmedMeanPool

__all__ = [
    "PSWE",
    "FSPool",
    "FSUnpool",
    "FullSort",
    "GroupSort",
    "MaxMin",
    "OrthogonalDense",
    "QuantilePool",
    "SortPooling",
    "TopKPool",
    "TrimmedMeanPool",
]
