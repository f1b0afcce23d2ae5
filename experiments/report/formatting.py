"""Text and tables in Markdown: numbers with the decimals of their column, and the best of them in bold."""

import functools
import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from experiments.report.statistics import Estimate
from experiments.report.sweep import ABSENT, Cell, shortened

Better = Literal["higher", "lower"]

_DIGITS, _FEWEST_DIGITS = 3, 2  # significant digits of the largest number of a column, and of the smallest
_MOST_DECIMALS = 5
_FAR = 30  # times as large
_CODE = re.compile(r"(?<!`)(`[^`]+`)(?!`)")
_MARKS = re.compile(r"[\\*`]|\](?=[(:\[])|\b_|_\b")  # of Markdown, in what is none


class Table(NamedTuple):
    """The columns of a table by their heads, of which the first so many are words and the others numbers."""

    columns: Mapping[str, Sequence[str]]
    words: int


def cell_table(cells: Sequence[Cell], columns: dict[str, list[str]]) -> Table:
    """Returns a table with a row a cell, which begins with what tells the cells apart.

    Args:
        cells: of the sweep.
        columns: by their header, an entry for each cell.
    """
    told = {name: texts(shortened(cell.values[name]) for cell in cells) for name in cells[0].values}
    told = told or {"cell": texts(cell.label for cell in cells)}
    return Table(told | columns, words=len(told))


def escaped(text: str) -> str:
    """Returns text for a line of Markdown in which nothing but code means anything, to HTML neither."""
    plain = functools.partial(_MARKS.sub, r"\\\g<0>")
    parts = _CODE.split(" ".join(text.split()))
    for index, part in enumerate(parts):
        safe = html.escape(part, quote=False)
        if index % 2 == 0:
            parts[index] = plain(safe)
        elif safe != part:  # which a code span would show as it is
            parts[index] = f"<code>{plain(safe[1:-1])}</code>"
    return "".join(parts)


def texts(found: Iterable[str | None]) -> list[str]:
    """Returns words, or numbers that are text already, as entries."""
    return [ABSENT if text is None else escaped(text).replace("|", "\\|") for text in found]


def numbers(
    values: Iterable[float | None],
    places: int | None = None,
    better: Better | None = None,
    alike: Iterable[float | None] | None = None,
) -> list[str]:
    """Returns numbers with as many decimals each: three digits of the largest, of others alike, if not told.

    Numbers of very different size have more, or the small ones would have no digit left. Those that are
    not there are None or NaN.

    >>> numbers([4.125, None, 12.0])
    ['4.1', '–', '12.0']
    >>> numbers([0.0125, 1200.0])
    ['0.013', '1,200.000']
    """
    found = pd.Series(values, dtype=float)
    if places is None:
        sizes = _sizes(found if alike is None else alike)
        places = decimals(sizes)
        if sizes.max() >= _FAR * sizes.min():
            places = max(places, min(decimals([sizes.min()], _FEWEST_DIGITS), _MOST_DECIMALS))
    return entries(found, [number(value, places) for value in found], better)


def intervals(
    estimates: Sequence[Estimate], places: int, signed: bool = False, better: Better | None = None
) -> list[str]:
    """Returns means with their intervals, where they have one."""
    written = [interval(estimate, places, signed) for estimate in estimates]
    return entries([estimate.mean for estimate in estimates], written, better)


def entries(values: Iterable[float], written: Iterable[str], better: Better | None = None) -> list[str]:
    """Returns numbers as they are written, where they are not NaN, the best of different ones in bold."""
    known = pd.Series(values, dtype=float)
    best = None
    if better is not None and known.nunique() > 1:
        best = known.max() if better == "higher" else known.min()
    pairs = zip(known, written, strict=True)
    return [ABSENT if math.isnan(v) else f"**{text}**" if v == best else text for v, text in pairs]


def decimals(values: Iterable[float | None], digits: int = _DIGITS) -> int:
    """Returns how many decimals show so many digits of the largest value.

    >>> decimals([0.95, 0.03]), decimals([12.3, None]), decimals([])
    (3, 1, 0)
    """
    sizes = _sizes(values)
    return min(max(0, digits - math.ceil(math.log10(sizes.max()))), 12) if len(sizes) else 0


def number(value: float, places: int, signed: bool = False) -> str:
    """Returns a number with a real minus, and no sign for what rounds to zero.

    >>> number(-0.02, 2), number(0.02, 2, signed=True), number(-0.002, 2, signed=True)
    ('−0.02', '+0.02', '0.00')
    """
    if abs(value) >= 1e15:
        return f"{value:.3g}".replace("-", "−")
    text = f"{value:{'+' if signed else ''},.{places}f}"
    return text.lstrip("+-") if float(f"{value:.{places}f}") == 0 else text.replace("-", "−")


def interval(estimate: Estimate, places: int, signed: bool = False) -> str:
    """Returns a mean with its interval, if it has one.

    >>> interval(Estimate(0.93, 0.90, 0.97), 2)
    '0.93 [0.90, 0.97]'
    """
    mean = number(estimate.mean, places, signed)
    if math.isnan(estimate.low):
        return mean
    return f"{mean} [{number(estimate.low, places, signed)}, {number(estimate.high, places, signed)}]"


def table_markdown(table: Table) -> str:
    """Returns a table as Markdown that aligns on a screen too.

    >>> print(table_markdown(Table({"model": ["maxpool", "dgcnn"], "ms": ["10.5", "**4.0**"]}, words=1)))
    | model   |      ms |
    |:--------|--------:|
    | maxpool |    10.5 |
    | dgcnn   | **4.0** |
    """
    lines = [texts(table.columns), *zip(*table.columns.values(), strict=True)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = ["<" if index < table.words else ">" for index in range(len(widths))]
    padded = [[f"{t:{s}{w}}" for t, s, w in zip(line, sides, widths, strict=True)] for line in lines]
    rule = [
        f":{'-' * (w + 1)}" if s == "<" else f"{'-' * (w + 1)}:" for s, w in zip(sides, widths, strict=True)
    ]
    head, *body = (f"| {' | '.join(line)} |" for line in padded)
    return "\n".join([head, f"|{'|'.join(rule)}|", *body])


def _sizes(values: Iterable[float | None]) -> pd.Series:
    """The sizes of those that are finite and not 0."""
    sizes = pd.Series(values, dtype=float).abs()
    return sizes[(sizes > 0) & np.isfinite(sizes)]
