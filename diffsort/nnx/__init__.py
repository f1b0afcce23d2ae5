"""Sorted layers for flax.nnx; `diffsort.linen` has the same ones for flax.linen."""

from diffsort.nnx.fspool import FSPool
from diffsort.nnx.sort_pooling import SortPooling

__all__ = ["FSPool", "SortPooling"]
