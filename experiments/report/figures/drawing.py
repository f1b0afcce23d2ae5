"""What the figures share: colours, a canvas, and how they are written."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from experiments.plots import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILION
from experiments.report.content import Picture

WIDTH = 8.5  # inches

# Of the cells, in turn; lines and markers differ too.
_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY_BLUE, BLACK)
_LINES, _MARKERS = ("-", "--", "-.", ":"), ("o", "s", "^", "D", "v", "P", "X")

_ACROSS = 120  # characters of a legend
_LABEL = 30  # characters of a line of a row's name
_FAR = 4  # times as large
_DECADES = 1e3  # of a logarithmic axis, to name more than the powers of ten
_SPREAD = 0.16  # of a row's height that the points of its seeds take up


def make_figure(height: float) -> Figure:
    """Returns an empty figure of the common width."""
    figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(wspace=0.06))
    FigureCanvasSVG(figure)  # no global state, and no display needed
    return figure


def picture(name: str, caption: str, figure: Figure) -> Picture:
    """Returns a figure as it is written: the same bytes for the same figure."""
    svg, pdf = io.StringIO(), io.BytesIO()
    # Type 42, since many publishers refuse the Type 3 fonts that are the default.
    with matplotlib.rc_context({"svg.hashsalt": "diffsort", "pdf.fonttype": 42}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
        figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})
    return Picture(name, caption, svg.getvalue(), pdf.getvalue())


def cell_style(index: int) -> dict[str, Any]:
    """Returns how to draw the curve of a cell; those after it are dashed otherwise, and show through."""
    return {
        "color": _COLOURS[index % len(_COLOURS)],
        "linestyle": _LINES[index % len(_LINES)],
        "marker": _MARKERS[index % len(_MARKERS)],
    }


def draw_legend(figure: Figure, labels: Mapping[int, str]) -> None:
    """Explains the styles of cells, or of lines of them, below the figure."""
    handles = [Line2D([], [], label=label, markersize=4, **cell_style(i)) for i, label in labels.items()]
    columns = max(1, _ACROSS // (max(map(len, labels.values())) + 8))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize="small", frameon=False)


def far_apart(values: Sequence[float]) -> bool:
    """Whether the least of these positive numbers would be a stroke beside the greatest."""
    return bool(values) and 0 < _FAR * min(values) < max(values)


def scale_by_logarithm(axes: Axes, which: Literal["x", "y"]) -> None:
    """Makes an axis logarithmic, with plain numbers at 1, 2 and 5 unless that would be too many."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_data_interval()
    axes.set(**{f"{which}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < _DECADES * low else (1,)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def rows_height(count: int) -> float:
    """Returns how many inches a figure needs for this many rows, and for what is around them."""
    return 1.2 + 0.42 * count


def draw_points(axes: Axes, row: int, values: Sequence[float], colour: str) -> None:
    """Draws each seed's value in a row, hollow, one above the other where there are several."""
    spread = _SPREAD if len(values) > 1 else 0.0
    heights = np.linspace(-spread, spread, len(values))
    axes.plot(values, row + heights, "o", markersize=4, mfc="none", mec=colour, mew=0.9, alpha=0.8, zorder=2)


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Names the rows, from the top."""
    axes.set_yticks(range(len(labels)), [textwrap.fill(label, _LABEL) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", alpha=0.25)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
