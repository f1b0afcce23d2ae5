"""Sorted layers for flax.nnx; `diffsort.linen` has the same ones for flax.linen."""

from diffsort.nnx.fspool import FSPool
from diffsort.nnx.fsunpool import FSUnpool
from diffsort.nnx.full_sort import FullSort
from diffsort.nnx.group_sort import GroupSort
from diffsort.nnx.max_min import MaxMin
from diffsort.nnx.orthogonal_dense import OrthogonalDense
from diffsort.nnx.pswe import PSWE
from diffsort.nnx.quantile_pool import QuantilePool
from diffsort.nnx.sort_pooling import SortPooling
from diffsort.nnx.top_k_pool import TopKPool
from diffsort.nnx.trimmed_mean_pool import TrimmedMeanPool

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
