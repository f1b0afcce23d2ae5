"""The picture of a benchmark."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.analysis.colours import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILION
from experiments.analysis.results import RUN_TIME, Result

_STYLES: dict[str, dict[str, str]] = {
    "manual": {"color": BLUE, "marker": "o"},
    "builtin": {"color": VERMILION, "marker": "s"},
    "double_argsort": {"color": ORANGE, "marker": "D"},
    "torch": {"color": GREEN, "marker": "^"},
    "floor": {"color": BLACK, "marker": "|"},
}
_ENGINE_STYLES = ({"color": SKY_BLUE, "marker": "x"}, {"color": PURPLE, "marker": "+"})
_CASES, _SCALING = ("article", "pooling", "rows"), "scaling"


def save_benchmark_plot(results: Sequence[Result], path: Path, title: str) -> bool:
    """Draws time per element: of each case of article, pooling and rows, and against length for scaling.

    Args:
        results: of any suites; those that are not drawn are left out.
        path: PNG to write.
        title: what it was measured on.

    Returns:
        Whether there was anything to draw; nothing is written otherwise.
    """
    timed = [r for r in results if r.quantity == RUN_TIME]
    cases = [r for suite in _CASES for r in timed if r.suite == suite]
    scaling = sorted((r for r in timed if r.suite == _SCALING), key=lambda r: r.elements)
    panels: list[tuple[Callable[[Axes, list[Result]], None], list[Result]]] = []
    panels += [(_draw_cases, cases)] if cases else []
    panels += [(_draw_scaling, scaling)] if scaling else []
    if not panels:
        return False
    figure = Figure(figsize=(6 * len(panels), 4.8), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # no global state, and no display needed
    figure.suptitle(title, fontsize="medium")
    for axes, (draw, chosen) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw(axes, chosen)
        axes.grid(alpha=0.25)
    styles = _styles(cases + scaling)
    handles = [Line2D([], [], label=name, **_shown(style)) for name, style in styles.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4 * len(panels), frameon=False)
    figure.savefig(path)
    return True


def _draw_cases(axes: Axes, results: list[Result]) -> None:
    """A row for each case, read from the top, with a gap between suites."""
    heights: list[float] = []
    for above, result in zip([None, *results], results, strict=False):
        gap = 1.0 if above is None or above.suite == result.suite else 1.6
        heights.append((heights[-1] if heights else 0.0) - gap)
    axes.hlines(heights, *_extremes(results), color="0.8", linewidth=1.0, zorder=1)
    for name, style in _styles(results).items():
        points = [
            (_nanoseconds(r, name), h)
            for r, h in zip(results, heights, strict=True)
            if name in r.measurements
        ]
        axes.plot(*zip(*points, strict=True), **{**_shown(style), "linestyle": "none"})
    axes.set_xscale("log")
    axes.set_yticks(heights, [f"{r.suite}: {r.case}" for r in results])
    axes.set_xlabel("forward and backward, ns per element")


def _draw_scaling(axes: Axes, results: list[Result]) -> None:
    for name, style in _styles(results).items():
        points = [(r.elements, _nanoseconds(r, name)) for r in results if name in r.measurements]
        axes.plot(*zip(*points, strict=True), **_shown(style), linewidth=1.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("elements in the one row sorted")
    axes.set_ylabel("forward and backward, ns per element")


def _styles(results: Iterable[Result]) -> dict[str, dict[str, str]]:
    """How to draw each contestant there is, in the order of the results."""
    names = list(dict.fromkeys(name for r in results for name in r.measurements))
    others = [name for name in names if name not in _STYLES]
    spare = {name: _ENGINE_STYLES[i % len(_ENGINE_STYLES)] for i, name in enumerate(sorted(others))}
    return {name: _STYLES.get(name) or spare[name] for name in names}


def _shown(style: dict[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {**style, "markersize": 9 if style["marker"] == "|" else 6, "zorder": 3}
    if style in _ENGINE_STYLES:  # `manual` is one of its engines: drawn over it, so that both show
        shown |= {"linestyle": "--", "zorder": 4}
    return shown


def _nanoseconds(result: Result, name: str) -> float:
    return result.measurements[name].median * 1e6 / result.elements


def _extremes(results: list[Result]) -> tuple[list[float], list[float]]:
    times = [[_nanoseconds(r, name) for name in r.measurements] for r in results]
    return [min(t) for t in times], [max(t) for t in times]
