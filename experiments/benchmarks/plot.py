"""The picture of a benchmark."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, NullFormatter

from experiments.benchmarks.contestants import BUILTIN, NUMPY, REFERENCE, TORCH, label
from experiments.benchmarks.measurements import Result, run_times
from experiments.plots import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY_BLUE,
    VERMILION,
    save_figure,
    scale_by_logarithm,
)

_MARKS: dict[str, tuple[str, str]] = {
    REFERENCE: (BLUE, "o"),
    "manual:xla": (SKY_BLUE, "P"),
    BUILTIN: (VERMILION, "s"),
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
_TIME = "time per element, forward and backward  (← lower is better)"


def _style(background: str, text: str, faint: str) -> Any:
    colours = dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), background)
    texts = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    lines = {"grid.color": faint, "grid.linewidth": 0.6, "axes.axisbelow": True}
    spines = {"axes.spines.top": False, "axes.spines.right": False}
    # Type 42, since many publishers refuse the Type 3 fonts that are the default.
    return {**colours, **dict.fromkeys(texts, text), **lines, **spines, "pdf.fonttype": 42}


_LIGHT, _DARK = _style("#ffffff", "#1f2328", "#d5d9de"), _style("#0d1117", "#e6edf3", "#3b434d")


def save_benchmark_plot(results: Sequence[Result], path: Path, title: str, engine: str | None) -> list[Path]:
    """Draws time per element: of each case of article, pooling and rows, and against length for scaling.

    Args:
        results: of any suites; those that are not drawn are left out.
        path: where to, without a suffix.
        title: what it was measured on.
        engine: the engine that `manual` takes.

    Returns:
        What was written: a PNG for light pages, one for dark ones, and a PDF; nothing where there is
        nothing to draw.
    """
    cases = [r for suite in _GROUPS for r in results if r.suite == suite]
    scaling = sorted((r for r in results if r.suite == "scaling"), key=lambda r: r.elements)
    drawn = ((_draw_cases, _seconds(cases)), (_draw_scaling, _seconds(scaling)))
    panels = [(draw, times) for draw, times in drawn if not times.empty]
    names = {n: label(n, engine) + " (forward only)" * (n == NUMPY) for n in _seconds(cases + scaling)}
    written = []
    for style, ending in ((_LIGHT, ".png"), (_DARK, "-dark.png"), (_LIGHT, ".pdf")) if panels else ():
        with matplotlib.rc_context(style):
            figure = Figure(figsize=(6.2 * len(panels), 5.4), dpi=144, layout="constrained")
            figure.suptitle(f"Sorting float32 on {title}", fontsize="medium")
            for place, (draw, times) in enumerate(panels, 1):
                draw(figure.add_subplot(1, len(panels), place), times)
            handles = [Line2D([], [], label=words, **_mark(name)) for name, words in names.items()]
            figure.legend(handles=handles, loc="outside lower center", ncols=3 * len(panels), frameon=False)
            written.append(path.with_name(path.name + ending))
            save_figure(figure, written[-1])
    return written


def _seconds(results: Sequence[Result]) -> pd.DataFrame:
    """The time an element takes, a row a case, a column a contestant."""
    times = run_times(results)
    return times.div(1e3 * times.index.get_level_values("elements").to_numpy(float), axis=0)


def _draw_cases(axes: Axes, times: pd.DataFrame) -> None:
    """A row for each case, read from the top, the suites under headings."""
    suites, cases = (times.index.get_level_values(level) for level in ("suite", "case"))
    heights = -(np.arange(len(times)) + pd.factorize(suites)[0] + 1.0)
    faint = matplotlib.rcParams["grid.color"]
    axes.hlines(heights, times.min(axis=1), times.max(axis=1), color=faint, linewidth=1.5, zorder=1)
    for name in times:
        axes.plot(times[name], heights, **{**_mark(name), "linestyle": "none"})
    heading: Any = {"va": "center", "fontstyle": "italic", "fontsize": "small"}
    for suite in suites.unique():
        above = heights[suites == suite][0] + 1
        axes.text(0.01, above, _GROUPS[suite], transform=axes.get_yaxis_transform(), **heading)
    axes.set_yticks(heights, [case.removesuffix(", axis 1") for case in cases])
    axes.set_ylim(min(heights) - 0.6, 0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    scale_by_logarithm(axes, "x", EngFormatter("s"))
    axes.set_xlabel(_TIME)


def _draw_scaling(axes: Axes, times: pd.DataFrame) -> None:
    for name in times:
        shown = times[name].dropna()
        axes.plot(shown.index.get_level_values("elements"), shown, **_mark(name))
    axes.grid()
    axes.set(xscale="log", xlabel="elements in the one row sorted", ylabel=_TIME)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    scale_by_logarithm(axes, "y", EngFormatter("s"))


def _mark(name: str) -> dict[str, Any]:
    colour, marker = _MARKS.get(name, _SPARE)
    text, background = (matplotlib.rcParams[key] for key in ("text.color", "axes.facecolor"))
    size, edge, width = (11, text, 2) if marker == "|" else (5.5 if marker == "D" else 7, background, 0.6)
    marked = {"marker": marker, "markersize": size, "markeredgecolor": edge, "markeredgewidth": width}
    return {"color": colour or text, "linewidth": 1.5, "zorder": 4 if name == REFERENCE else 3, **marked}
