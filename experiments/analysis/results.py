"""What a benchmark finds."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

RUN_TIME = "run time"  # the quantity that summaries and plots are about


@dataclass(frozen=True)
class Measurement:
    """A quantity measured several times, or once if chance has no part in it.

    Attributes:
        median: the value to quote, in the unit of its result.
        low: lower quartile.
        high: upper quartile.
        repeats: how many values were counted.
    """

    median: float
    low: float
    high: float
    repeats: int


@dataclass(frozen=True)
class Result:
    """One quantity of one case, measured for each contestant.

    Attributes:
        suite: the suite it belongs to.
        case: what was sorted or trained.
        elements: how many elements a sort of this case has.
        quantity: what was measured; RUN_TIME where it is that.
        unit: of all measurements.
        measurements: by contestant.
    """

    suite: str
    case: str
    elements: int
    quantity: str
    unit: str
    measurements: dict[str, Measurement]


def summarised(values: Sequence[float]) -> Measurement:
    """Returns median and quartiles of values measured again and again; at least two."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Measurement(median, low, high, len(values))


def exactly(value: float) -> Measurement:
    """Returns a value that would come out the same every time."""
    return Measurement(value, value, value, 1)
