"""Sorted pooling as pure functions: what the layers of both Flax APIs compute."""

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
