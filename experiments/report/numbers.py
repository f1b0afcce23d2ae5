"""Numbers for people, with the decimals of their column."""

import math
from collections.abc import Iterable, Sequence

from experiments.report.estimates import Estimate

UNKNOWN = "–"

_DIGITS = 3  # significant digits of the largest number of a column
_FAR = 30  # times as large


def decimals(values: Iterable[float | None]) -> int:
    """Returns how many decimals show three digits of the largest value.

    >>> decimals([0.95, 0.03]), decimals([12.3, None]), decimals([])
    (3, 1, 0)
    """
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    return max(0, _DIGITS - math.ceil(math.log10(largest))) if largest else 0


def column(values: Sequence[float | None], places: int | None = None) -> list[str]:
    """Returns numbers with as many decimals each, to align: three digits of the largest if not told.

    Numbers of very different size have three digits each instead, or the small ones would have none left.

    >>> column([4.125, None, 12.0])
    ['4.1', '–', '12.0']
    >>> column([4.126, None, 1200.0])
    ['4.13', '–', '1,200']
    """
    if places is None and not _far_apart(values):
        places = decimals(values)
    return [UNKNOWN if v is None else number(v, decimals([v]) if places is None else places) for v in values]


def _far_apart(values: Iterable[float | None]) -> bool:
    sizes = [abs(v) for v in values if v and math.isfinite(v)]
    return bool(sizes) and max(sizes) >= _FAR * min(sizes)


def number(value: float, places: int, signed: bool = False) -> str:
    """Returns a number with a real minus, and no sign for what rounds to zero.

    >>> number(-0.02, 2), number(0.02, 2, signed=True), number(-0.002, 2, signed=True)
    ('−0.02', '+0.02', '0.00')
    """
    text = f"{value:{'+' if signed else ''},.{places}f}"
    return text.lstrip("+-") if float(f"{value:.{places}f}") == 0 else text.replace("-", "−")


def interval(estimate: Estimate | None, places: int, signed: bool = False) -> str:
    """Returns a mean with its interval, where it has one.

    >>> interval(Estimate(0.93, 0.90, 0.97, 3), 2)
    '0.93 [0.90, 0.97]'
    """
    if estimate is None:
        return UNKNOWN
    mean = number(estimate.mean, places, signed)
    if estimate.low is None or estimate.high is None:
        return mean
    return f"{mean} [{number(estimate.low, places, signed)}, {number(estimate.high, places, signed)}]"


def percent(share: float | None) -> str:
    """Returns a share in percent."""
    return UNKNOWN if share is None else f"{share:.0%}"
