"""Sorted layers for flax.nnx; `diffsort.linen` has the same ones for flax.linen."""

from diffsort.nnx import activations, dense, pooling, selection
from diffsort.nnx.activations import *
from diffsort.nnx.dense import *
from diffsort.nnx.pooling import *
from diffsort.nnx.selection import *

__all__: list[str] = []
__all__ += activations.__all__
__all__ += dense.__all__
__all__ += pooling.__all__
__all__ += selection.__all__
