"""Sorting by segment, for ragged sets and graphs, in the convention of `jax.ops.segment_sum`.

`x` has n elements (or rows, along axis 0), and `segment_ids` says which of `num_segments` segments each is
of. Ids need not be in order, and what is not in [0, num_segments) is dropped: what it holds reaches no value
and no gradient. One sort of (segment, value) does for all segments, however their sizes differ: elements come
grouped by segment in ascending order, sorted within each. Of x of shape (n, …), each column along axis 0 is
sorted by itself.

All of them raise a TypeError where `x` is not real, `segment_ids` are not integers or `num_segments` is no
Python integer, and a ValueError where `segment_ids` are not of shape (n,), `num_segments` is negative or,
inside jit, missing, or where no implementation has that name, it is not available here or has no permutation.
What one of them raises besides is in its docstring.
"""

from diffsort.segments import sorting, statistics
from diffsort.segments.sorting import *
from diffsort.segments.statistics import *

__all__: list[str] = []
__all__ += sorting.__all__
__all__ += statistics.__all__
