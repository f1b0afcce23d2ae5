"""Sorted layers for flax.nnx; `diffsort.linen` has the same ones for flax.linen."""

from diffsort.nnx.fspool import FSPool
from diffsort.nnx.fsunpool import FSUnpool
from diffsort.nnx.full_sort import FullSort
from diffsort.nnx.group_sort import GroupSort
from diffsort.nnx.max_min import MaxMin
from diffsort.nnx.orthogonal_dense import OrthogonalDense
from diffsort.nnx.sort_pooling import SortPooling

__all__ = [
    "FSPool",
    "FSUnpool",
    "FullSort",
    "GroupSort",
    "MaxMin",
    "OrthogonalDense",
    "SortPooling",
]
