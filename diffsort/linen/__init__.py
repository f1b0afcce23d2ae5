"""Sorted layers for flax.linen: the layers of `diffsort.nnx`, with the same parameters and numbers."""

from diffsort.linen.fspool import FSPool
from diffsort.linen.fsunpool import FSUnpool
from diffsort.linen.full_sort import FullSort
from diffsort.linen.group_sort import GroupSort
from diffsort.linen.max_min import MaxMin
from diffsort.linen.orthogonal_dense import OrthogonalDense
from diffsort.linen.sort_pooling import SortPooling

__all__ = [
    "FSPool",
    "FSUnpool",
    "FullSort",
    "GroupSort",
    "MaxMin",
    "OrthogonalDense",
    "SortPooling",
]
