"""What a report is made of, whatever it is written as.

Text may hold `code` in backticks, and nothing else that needs an explanation.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        header: of each column.
        rows: as wide as the header.
        words: how many of the first columns are words; the others are numbers.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        name: of its file, without the ending.
        caption: what is to be seen.
        svg: the figure, for the screen.
        pdf: the same, for paper.
    """

    name: str
    caption: str
    svg: str
    pdf: bytes


@dataclass(frozen=True)
class Listing:
    """Points of text, one below the other."""

    points: Sequence[str]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    lines: Sequence[str]


Block = str | Table | Picture | Listing | Commands


@dataclass(frozen=True)
class Section:
    """A part of the report under a title; a string among its blocks is a paragraph."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Report:
    """The whole.

    Attributes:
        title: of the report.
        summary: a paragraph at the top.
        sections: the rest.
    """

    title: str
    summary: str
    sections: Sequence[Section]
