"""Sorted layers for flax.linen: the layers of `diffsort.nnx`, with the same parameters and numbers.

Layers with parameters raise a TypeError when they are called if an initializer is not a function, and a
ValueError if the input has another number of features than the one they were initialised with. What a call
raises besides is in its docstring, and in that of the function underneath.
"""

import diffsort._flax  # noqa: F401
from diffsort.linen import activations, dense, experts, pooling, selection, statistics
from diffsort.linen.activations import *
from diffsort.linen.dense import *
from diffsort.linen.experts import *
from diffsort.linen.pooling import *
from diffsort.linen.selection import *
from diffsort.linen.statistics import *

__all__: list[str] = []
__all__ += activations.__all__
__all__ += dense.__all__
__all__ += experts.__all__
__all__ += pooling.__all__
__all__ += selection.__all__
__all__ += statistics.__all__
