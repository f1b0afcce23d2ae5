"""Sorted layers for flax.linen: the layers of `diffsort.nnx`, with the same parameters and numbers."""

from diffsort.linen.fspool import FSPool
from diffsort.linen.sort_pooling import SortPooling

__all__ = ["FSPool", "SortPooling"]
