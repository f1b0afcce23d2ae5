"""Sorted pooling as pure functions: what the layers of both Flax APIs compute."""

from diffsort.pooling.fspool import featurewise_sort_pool
from diffsort.pooling.fsunpool import featurewise_sort_unpool
from diffsort.pooling.sort_pool import sort_pool

__all__ = ["featurewise_sort_pool", "featurewise_sort_unpool", "sort_pool"]
