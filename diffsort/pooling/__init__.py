"""Sorted pooling as pure functions: what the layers of both Flax APIs compute.

All of them raise a TypeError where `x` is not floating (for `sort_pool`: not real) or `where` is not
boolean, and a ValueError where `x` has fewer than two axes, `where` does not broadcast to (..., n), or no
implementation has that name. What one of them raises besides is in its docstring.
"""

from diffsort.pooling import featurewise, selection, sliced_wasserstein, statistics
from diffsort.pooling.featurewise import *
from diffsort.pooling.selection import *
from diffsort.pooling.sliced_wasserstein import *
from diffsort.pooling.statistics import *

__all__: list[str] = []
__all__ += featurewise.__all__
__all__ += selection.__all__
__all__ += sliced_wasserstein.__all__
__all__ += statistics.__all__
