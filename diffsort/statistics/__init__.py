"""Order statistics: weighted sums of the sorted elements, told apart by their weights alone."""

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
