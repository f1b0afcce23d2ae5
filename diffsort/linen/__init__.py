"""Sorted layers for flax.linen: the layers of `diffsort.nnx`, with the same parameters and numbers."""

from diffsort.linen import activations, dense, pooling, selection
from diffsort.linen.activations import *
from diffsort.linen.dense import *
from diffsort.linen.pooling import *
from diffsort.linen.selection import *

__all__: list[str] = []
__all__ += activations.__all__
__all__ += dense.__all__
__all__ += pooling.__all__
__all__ += selection.__all__
