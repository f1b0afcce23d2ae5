"""The picture of a benchmark."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import blended_transform_factory

from experiments.benchmarks.contestants import label
from experiments.benchmarks.peers import NUMPY, TORCH
from experiments.benchmarks.results import RUN_TIME, Result
from experiments.plots import BLUE, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILION

_MARKS: dict[str, tuple[str, str]] = {
    "manual": (BLUE, "o"),
    "manual:xla": (SKY_BLUE, "P"),
    "builtin": (VERMILION, "s"),
    "double_argsort": (ORANGE, "D"),
    TORCH: (GREEN, "^"),
    NUMPY: ("", "|"),  # in the colour of the text
}
_SPARE = (PURPLE, "v")
_GROUPS = {
    "article": "one row",
    "pooling": "sets × points × features, sorted over points",
    "rows": "rows × length",
}
_SCALING = "scaling"
_DECADES = 1e3  # of an axis, to name more than the powers of ten
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


@dataclass(frozen=True)
class _Theme:
    """What a picture stands on."""

    background: str
    text: str
    faint: str


_LIGHT, _DARK = _Theme("#ffffff", "#1f2328", "#d5d9de"), _Theme("#0d1117", "#e6edf3", "#3b434d")


def save_benchmark_plot(results: Sequence[Result], path: Path, title: str, engine: str | None) -> list[Path]:
    """Draws time per element: of each case of article, pooling and rows, and against length for scaling.

    Args:
        results: of any suites; those that are not drawn are left out.
        path: where to, without a suffix.
        title: what it was measured on.
        engine: the one that `manual` takes.

    Returns:
        What was written: a PNG for light pages, one for dark ones, and a PDF; nothing where there is
        nothing to draw.
    """
    timed = [r for r in results if r.quantity == RUN_TIME and r.measurements]
    cases = [r for suite in _GROUPS for r in timed if r.suite == suite]
    scaling = sorted((r for r in timed if r.suite == _SCALING), key=lambda r: r.elements)
    if not cases and not scaling:
        return []
    written = []
    for theme, ending in ((_LIGHT, ".png"), (_DARK, "-dark.png"), (_LIGHT, ".pdf")):
        file = path.with_name(path.name + ending)
        with matplotlib.rc_context(_rc(theme)):
            metadata = {"CreationDate": None} if ending == ".pdf" else None
            _draw(cases, scaling, title, engine, theme).savefig(file, metadata=metadata)
        written.append(file)
    return written


def _draw(
    cases: list[Result], scaling: list[Result], title: str, engine: str | None, theme: _Theme
) -> Figure:
    panels: list[tuple[Callable[[Axes, list[Result], _Theme], None], list[Result]]] = []
    panels += [(_draw_cases, cases)] if cases else []
    panels += [(_draw_scaling, scaling)] if scaling else []
    figure = Figure(figsize=(6.2 * len(panels), 5.4), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)  # no global state, and no display needed
    figure.suptitle(f"Sorting float32 on {title}", fontsize="medium")
    for axes, (draw, chosen) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw(axes, chosen, theme)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    names = _names(cases + scaling)
    labels = {name: label(name, engine) + (" (forward only)" if name == NUMPY else "") for name in names}
    handles = [Line2D([], [], label=text, **_mark(name, theme)) for name, text in labels.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3 * len(panels), frameon=False)
    return figure


def _draw_cases(axes: Axes, results: list[Result], theme: _Theme) -> None:
    """A row for each case, read from the top, the suites under headings."""
    heights: list[float] = []
    headings: list[tuple[float, str]] = []
    height, suite = 0.0, None
    for result in results:
        if result.suite != suite:
            suite = result.suite
            headings.append((height, _GROUPS[suite]))
            height -= 1.0
        heights.append(height)
        height -= 1.0
    axes.hlines(heights, *_extremes(results), color=theme.faint, linewidth=1.5, zorder=1)
    for name in _names(results):
        points = [
            (_nanoseconds(r, name), h)
            for r, h in zip(results, heights, strict=True)
            if name in r.measurements
        ]
        axes.plot(*zip(*points, strict=True), **{**_mark(name, theme), "linestyle": "none"})
    beside = blended_transform_factory(axes.transAxes, axes.transData)
    for height, words in headings:
        axes.text(0.01, height, words, transform=beside, va="center", fontstyle="italic", fontsize="small")
    axes.set_yticks(heights, [r.case.removesuffix(", axis 1") for r in results])
    axes.set_ylim(min(heights) - 0.6, 0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=theme.faint, linewidth=0.6)
    _in_time(axes, "x")
    axes.set_xlabel("time per element, forward and backward  (← lower is better)")


def _draw_scaling(axes: Axes, results: list[Result], theme: _Theme) -> None:
    for name in _names(results):
        points = [(r.elements, _nanoseconds(r, name)) for r in results if name in r.measurements]
        axes.plot(*zip(*points, strict=True), **_mark(name, theme))
    axes.grid(color=theme.faint, linewidth=0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: _count(n)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    _in_time(axes, "y")
    axes.set_xlabel("elements in the one row sorted")
    axes.set_ylabel("time per element, forward and backward  (← lower is better)")


def _in_time(axes: Axes, which: str) -> None:
    """Makes an axis logarithmic, with times as people say them at 1, 2 and 5 unless these are too many."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_data_interval()
    axes.set(**{f"{which}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < _DECADES * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda ns, _: _time(ns)))
    axis.set_minor_formatter(NullFormatter())


def _time(nanoseconds: float) -> str:
    size, unit = next((u for u in _UNITS if nanoseconds >= 0.999 * u[0]), _UNITS[-1])
    return f"{nanoseconds / size:g} {unit}"


def _count(n: float) -> str:
    size, unit = next(((s, u) for s, u in ((1e6, "M"), (1e3, "k")) if n >= 0.999 * s), (1.0, ""))
    return f"{n / size:g}{unit}"


def _names(results: Iterable[Result]) -> list[str]:
    """Every contestant there is, the known ones in their order."""
    names = list(dict.fromkeys(name for r in results for name in r.measurements))
    return sorted(names, key=lambda name: list(_MARKS).index(name) if name in _MARKS else len(_MARKS))


def _mark(name: str, theme: _Theme) -> dict[str, Any]:
    colour, marker = _MARKS.get(name, _SPARE)
    size = {"|": 11, "D": 5.5}.get(marker, 7)
    front = 4 if name == "manual" else 3
    edge = {"color": theme.background, "width": 0.6} if marker != "|" else {"color": theme.text, "width": 2}
    drawn = {"color": colour or theme.text, "linewidth": 1.5, "zorder": front}
    marked = {"marker": marker, "markersize": size} | {f"markeredge{key}": v for key, v in edge.items()}
    return drawn | marked


def _rc(theme: _Theme) -> Any:
    colours = dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), theme.background)
    texts = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    # Type 42, since many publishers refuse the Type 3 fonts that are the default.
    return {**colours, **dict.fromkeys(texts, theme.text), "pdf.fonttype": 42}


def _nanoseconds(result: Result, name: str) -> float:
    return result.measurements[name].median * 1e6 / result.elements


def _extremes(results: list[Result]) -> tuple[list[float], list[float]]:
    times = [[_nanoseconds(r, name) for name in r.measurements] for r in results]
    return [min(t) for t in times], [max(t) for t in times]
