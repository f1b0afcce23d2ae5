"""Sorted pooling as pure functions: what the layers of both Flax APIs compute."""

from diffsort.pooling.fspool import featurewise_sort_pool
from diffsort.pooling.fsunpool import featurewise_sort_unpool
from diffsort.pooling.quantiles import quantile_pool
from diffsort.pooling.sliced_wasserstein import sliced_wasserstein_pool
from diffsort.pooling.sort_pooling import sort_pool
from diffsort.pooling.top_k import top_k_pool
from diffsort.pooling.trimmed_mean import trimmed_mean_pool

__all__ = [
    "featurewise_sort_pool",
    "featurewise_sort_unpool",
    "quantile_pool",
    "sliced_wasserstein_pool",
    "sort_pool",
    "top_k_pool",
    "trimmed_mean_pool",
]
