"""Drawings that follow the colours of the page around them, and PDFs for paper."""

import io
import math
import re
import textwrap
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, TypeVar
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from experiments.plots import BLUE, GREEN, ORANGE, PURPLE, ROOMY, SKY_BLUE, VERMILION, scale_by_logarithm
from experiments.report.load import LARGEST
from experiments.report.sweep import label_of

WIDTH = 8.5  # inches

INK = "#010203"  # of text and axes: drawn like this, and written as the colour of the text around
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_STYLE = (
    "svg{color:#1d1d1f;background:#fff}use{pointer-events:all}"
    "@media(prefers-color-scheme:dark){svg{color:#e8e8ec;background:#18181b}}"
)
_SETTINGS: Any = {
    **{f"{name}.color": INK for name in ("text", "xtick", "ytick", "grid", "hatch")},
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.alpha": 0.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "diffsort",
    "svg.fonttype": "none",
    "text.parse_math": False,  # what was run is no formula
    "pdf.fonttype": 42,  # many publishers refuse the Type 3 fonts that are the default
}

# Of the cells, in turn; lines and markers differ too.
_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY_BLUE, INK)
_LINES, _MARKERS = ("-", "--", "-.", ":"), ("o", "s", "^", "D", "v", "P", "X")

_ACROSS, _LABEL = 120, 30  # characters of a legend, and of a line of a row's name
_FAR = 4  # times as large
_SPREAD = 0.16  # of a row's height that the points of its seeds take up
_MOST_PANELS = 6  # small multiples of a figure
_MOST_POINTS = 200  # of a curve as wide as half a page: more cannot be seen
_FEW_ROWS = 20

T = TypeVar("T")


class Picture(NamedTuple):
    """A figure as it is written: the name of its file without the ending, and what is to be seen."""

    name: str
    caption: str
    svg: str
    pdf: bytes


class Drawing(Figure):
    """A figure of the common width whose points say what they are.

    Args:
        height: in inches.
    """

    def __init__(self, height: float) -> None:
        self._layout = ConstrainedLayoutEngine(wspace=0.06)
        super().__init__(figsize=(WIDTH, height), layout=self._layout)
        FigureCanvasSVG(self)  # no global state, and no display needed
        self._titles: dict[str, list[str]] = {}

    def describe(self, artist: Any, titles: Sequence[str]) -> None:
        """Gives a title to each mark of an artist; one without markers is a single mark."""
        artist.set_gid(f"described-{len(self._titles)}")
        self._titles[artist.get_gid()] = list(titles)

    def points(
        self, axes: Axes, across: Sequence[float], up: Sequence[float], titles: Sequence[str], **style: Any
    ) -> None:
        """Draws hollow circles, each with its title."""
        look = {"marker": "o", "linestyle": "", "mfc": "none", "alpha": 0.8, **style}
        (line,) = axes.plot(across, up, **look)
        self.describe(line, titles)

    def written(self, name: str, caption: str) -> Picture:
        """Returns the figure as it is written: the same bytes for the same figure."""
        svg, pdf = io.StringIO(), io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # names may be of any script
            self._layout.execute(self)
            self.set_layout_engine("none")  # or else it would be found again for each format
            # Not by savefig, which draws everything twice.
            FigureCanvasSVG(self).print_svg(svg, metadata={"Date": None})
            FigureCanvasPdf(self).print_pdf(pdf, metadata={"CreationDate": None})
        return Picture(name, caption, _finished(svg.getvalue(), caption, self._titles), pdf.getvalue())


def drawing_settings() -> AbstractContextManager[None]:
    """Has Matplotlib draw as the figures of reports are drawn; they are made and written inside."""
    return matplotlib.rc_context(_SETTINGS)


def cell_style(index: int) -> dict[str, Any]:
    """Returns how to draw a curve; those after it are dashed otherwise, and show through."""
    return {
        "color": _COLOURS[index % len(_COLOURS)],
        "linestyle": _LINES[index % len(_LINES)],
        "marker": _MARKERS[index % len(_MARKERS)],
    }


def draw_legend(figure: Figure, labels: Sequence[str]) -> None:
    """Explains the styles of curves below the figure."""
    handles = [Line2D([], [], markersize=4, **cell_style(i)) for i in range(len(labels))]
    columns = max(1, _ACROSS // (max(map(len, labels), default=0) + 8))
    legend = figure.legend(
        handles,
        ["-"] * len(labels),
        loc="outside lower center",
        ncols=columns,
        fontsize="small",
        frameon=False,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)  # now, since a legend leaves out labels that begin with an underscore


def small_multiples(
    items: Sequence[tuple[Mapping[str, str], T]], groups: Collection[str], score: Callable[[T], float]
) -> tuple[dict[str, list[tuple[int, T]]], list[str], str]:
    """Deals things among panels, so that colour stands for one thing only.

    All are in one panel if there are colours enough. Else the colour is the column with the most values that
    there are colours for, and there is a panel for each choice in the others.

    Args:
        items: with what tells each from the others.
        groups: the names that are config groups.
        score: how much something should be shown, if not all can.

    Returns:
        The colour and the thing of each curve, by panel; what each colour is; and a sentence, if some panels
        are left out.
    """
    if len(items) <= len(_COLOURS):
        labels = [label_of(values, groups) for values, _ in items]
        return {"": [(i, item) for i, (_, item) in enumerate(items)]}, labels, ""
    distinct = {name: list(dict.fromkeys(values[name] for values, _ in items)) for name in items[0][0]}
    fitting = [name for name, found in distinct.items() if 1 < len(found) <= len(_COLOURS)]
    column = max(reversed(fitting), key=lambda name: len(distinct[name]), default=None)
    colours = [] if column is None else distinct[column]
    panels: dict[str, list[tuple[int, T]]] = {}
    for values, item in items:
        title = label_of({name: value for name, value in values.items() if name != column}, groups)
        panels.setdefault(title, []).append((colours.index(values[column]) if column else 0, item))
    legend = [label_of({column: value}, groups) for value in colours] if column else []
    if len(panels) <= _MOST_PANELS:
        return panels, legend, ""
    best = sorted(panels, key=lambda t: max(score(item) for _, item in panels[t]), reverse=True)
    shown = {title: panels[title] for title in panels if title in best[:_MOST_PANELS]}
    return shown, legend, f" The best {_MOST_PANELS} of {len(panels)} panels."


def far_apart(values: Sequence[float], times: float = _FAR) -> bool:
    """Whether the least of these numbers, all positive, would be a stroke beside the greatest."""
    return bool(values) and 1 / LARGEST < times * min(values) < max(values) < LARGEST


def scale_if_far_apart(
    axes: Axes, which: Literal["x", "y"], values: Sequence[float], times: float = _FAR
) -> bool:
    """Makes an axis logarithmic if these numbers are far apart; returns whether they are."""
    far = far_apart(values, times)
    if far:
        scale_by_logarithm(axes, which)
    return far


def rows_figure(labels: Sequence[str], panels: int) -> tuple[Drawing, list[Axes]]:
    """Returns a figure of panels side by side with a row for each label, named from the top."""
    few = len(labels) <= _FEW_ROWS
    figure = Drawing(1.5 + (0.42 if few else 0.24) * len(labels))
    found = list(figure.subplots(1, panels, sharey=True, squeeze=False)[0])
    names = [textwrap.fill(x, _LABEL) if few else textwrap.shorten(x, 2 * _LABEL) for x in labels]
    for axes in found:
        axes.set_yticks(range(len(labels)), names, fontsize="medium" if few else "x-small")
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.locator_params(axis="x", nbins=5)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return figure, found


def draw_seeds(
    figure: Drawing, axes: Axes, found: Sequence[pd.Series], name: str = "seed", colour: str = BLUE
) -> None:
    """Draws the values of each row, one above the other where there are several."""
    spreads = [np.linspace(-_SPREAD, _SPREAD, len(values)) * (len(values) > 1) for values in found]
    heights = [height for row, spread in enumerate(spreads) for height in row + spread]
    values = [value for row in found for value in row]
    titles = [f"{name} {key}: {value:.6g}" for row in found for key, value in row.items()]
    figure.points(axes, values, heights, titles, markersize=4, mec=colour, mew=0.9, zorder=2)


def draw_diamonds(figure: Drawing, axes: Axes, found: Sequence[float], name: str) -> None:
    """Draws the value that stands for each row, where there is one."""
    known = pd.Series(found, dtype=float).dropna()
    (line,) = axes.plot(known, known.index, "D", color=BLUE, markersize=6, zorder=4)
    figure.describe(line, [f"{name}: {value:.6g}" for value in known])


def draw_curves(
    figure: Drawing, panels: Iterable[Axes], curves: Sequence[pd.DataFrame], title: str, **style: Any
) -> None:
    """Draws curves as one mark, against steps in a panel and against seconds in another."""
    most = _MOST_POINTS if len(figure.axes) <= ROOMY else _MOST_POINTS // 8
    gap = pd.DataFrame({"seconds": [math.nan], "value": [math.nan]}, [0])
    seen = pd.concat([part for curve in curves for part in (_decimated(curve, most), gap)][:-1])
    values = seen["value"].where(seen["value"].abs() < LARGEST)
    for axes, across in zip(panels, (seen.index, seen["seconds"]), strict=True):
        (line,) = axes.plot(across, values, **style)
        figure.describe(line, [title])


def _decimated(curve: pd.DataFrame, most: int) -> pd.DataFrame:
    """A curve of about so many points at most: the least and the greatest of each stretch."""
    if len(curve) <= most:
        return curve
    parts = np.array_split(np.nan_to_num(curve["value"].to_numpy()), most // 2)
    begins = np.cumsum([0, *map(len, parts[:-1])])
    kept = {b + i for b, part in zip(begins, parts, strict=True) for i in (part.argmin(), part.argmax())}
    return curve.iloc[sorted({0, len(curve) - 1, *kept})]


def _finished(text: str, caption: str, titles: Mapping[str, Sequence[str]]) -> str:
    """Makes a drawing of Matplotlib's smaller, lets it follow the page's colours, and adds titles."""
    text = re.sub(r" font-family: [^;\"]*;?|rotate\(-0 [^)]*\)", "", text)
    root = ElementTree.fromstring(text.replace(INK, "currentColor"))  # noqa: S314 (it is our own)
    for name in ("metadata", "defs"):  # what made it, and a style for the whole page
        root.remove(next(root.iter(f"{{{_SVG}}}{name}")))
    for element in root.iter():
        element.text, element.tail = (part and part.strip() for part in (element.text, element.tail))
        if element.tag == f"{{{_SVG}}}g" and (name := element.attrib.pop("id", "")) in titles:
            _describe(element, titles[name])
        places = 2 if "id" in element.attrib else 1  # more for markers, which are small
        for key in {"d", "x", "y", "transform", "width", "height"} & element.attrib.keys():
            element.attrib[key] = _rounded(element.attrib[key], places)
    root.attrib |= {"role": "img", "aria-label": caption, "font-family": "system-ui"}
    style = ElementTree.Element(f"{{{_SVG}}}style")
    style.text = _STYLE
    root.insert(0, style)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _describe(group: ElementTree.Element, titles: Sequence[str]) -> None:
    marks = list(group.iter(f"{{{_SVG}}}use"))
    for mark, title in zip(marks if len(marks) == len(titles) else [group], titles, strict=False):
        ElementTree.SubElement(mark, f"{{{_SVG}}}title").text = title


def _rounded(numbers: str, places: int) -> str:
    text = re.sub(r"-?\d+\.\d+", lambda found: f"{round(float(found[0]), places):g}", numbers)
    return re.sub(r"\s+", " ", text).strip()
