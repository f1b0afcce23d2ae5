"""Sorted layers for flax.nnx; `diffsort.linen` has the same ones for flax.linen.

Layers with parameters raise a TypeError when they are made if `rngs` is not `nnx.Rngs`, an initializer is
not a function or metadata are not a mapping, and a ValueError when they are called with another number of
features than they were made for. A size that is not an integer is a TypeError. What a layer raises besides
is in its docstring, and what a call raises in that of the function underneath.
"""

import diffsort._flax  # noqa: F401
from diffsort.nnx import activations, dense, experts, pooling, selection, statistics
from diffsort.nnx.activations import *
from diffsort.nnx.dense import *
from diffsort.nnx.experts import *
from diffsort.nnx.pooling import *
from diffsort.nnx.selection import *
from diffsort.nnx.statistics import *

__all__: list[str] = []
__all__ += activations.__all__
__all__ += dense.__all__
__all__ += experts.__all__
__all__ += pooling.__all__
__all__ += selection.__all__
__all__ += statistics.__all__
