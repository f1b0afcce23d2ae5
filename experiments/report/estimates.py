"""Means over seeds, and how sure they are."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
_RESAMPLES = 9999


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval.

    Attributes:
        mean: of all values.
        low: lower end of the interval; None for a single value, which tells nothing of its spread.
        high: upper end.
        count: how many values it is the mean of.
    """

    mean: float
    low: float | None
    high: float | None
    count: int


def mean_estimate(values: Collection[float]) -> Estimate | None:
    r"""Returns the mean with its percentile bootstrap interval; None if there are no values.

    The ends are the quantiles $(1 \pm 0.95) / 2$ of the mean of values drawn anew, as many as there are, with
    replacement. They never lie outside the values, so of a few seeds they are too close together.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.

    >>> mean_estimate([1.0, 2.0, 6.0])  # one resample in 27 holds the least value alone: over 2.5%
    Estimate(mean=3.0, low=1.0, high=6.0, count=3)
    """
    sample = np.array(list(values))
    if not sample.size:
        return None
    mean = float(np.mean(sample))
    if sample.size == 1:
        return Estimate(mean, None, None, 1)
    interval = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(mean, float(interval.low), float(interval.high), sample.size)


def paired_differences(values: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float]:
    """Returns value minus baseline for each seed that both have."""
    return {seed: value - baseline[seed] for seed, value in values.items() if seed in baseline}


def ratio_estimate(values: Mapping[str, float], baseline: Mapping[str, float]) -> Estimate | None:
    """Returns the geometric mean of value over baseline for each seed that both have, with its interval.

    None if no seed has both, or a number is not positive.

    >>> round(ratio_estimate({"0": 8.0, "1": 9.0}, {"0": 4.0, "1": 2.0, "2": 1.0}).mean, 6)
    3.0
    """
    pairs = [(value, baseline[seed]) for seed, value in values.items() if seed in baseline]
    if not all(value > 0 for pair in pairs for value in pair):
        return None
    estimate = mean_estimate([math.log(value / base) for value, base in pairs])
    if estimate is None:
        return None
    low, high = (None if end is None else math.exp(end) for end in (estimate.low, estimate.high))
    return Estimate(math.exp(estimate.mean), low, high, estimate.count)
