"""Order statistics: weighted sums of the sorted elements, told apart by their weights alone."""

from diffsort.statistics.l_statistic import l_statistic
from diffsort.statistics.means import superquantile, trimmed_mean, winsorized_mean
from diffsort.statistics.moments import gini_mean_difference, l_moments
from diffsort.statistics.quantiles import median, order_statistic, quantile

__all__ = [
    "gini_mean_difference",
    "l_moments",
    "l_statistic",
    "median",
    "order_statistic",
    "quantile",
    "superquantile",
    "trimmed_mean",
    "winsorized_mean",
]
