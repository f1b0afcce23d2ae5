"""Order statistics: weighted sums of the sorted elements, which differ in their weights alone.

All of them raise a TypeError where `x` is not real or `where` is not boolean, and a ValueError where `axis`
is out of range or names an axis twice, `where` does not broadcast to `x`, or no implementation has that
name. What one of them raises besides is in its docstring.

Those that take weights of the elements raise a TypeError where these are not real, and a ValueError where
they do not fit `x`, one that is known is negative, or `implementation` has no permutation. Elements whose
weights are 0 count as little as masked ones, unless they are NaN; and a weight that is not finite gives NaN.
"""

from diffsort.statistics import linear, means, moments, quantiles
from diffsort.statistics.linear import *
from diffsort.statistics.means import *
from diffsort.statistics.moments import *
from diffsort.statistics.quantiles import *

__all__: list[str] = []
__all__ += linear.__all__
__all__ += means.__all__
__all__ += moments.__all__
__all__ += quantiles.__all__
