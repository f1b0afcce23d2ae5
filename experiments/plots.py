"""All pictures of runs: learning curves, and what a model has learned."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, LogLocator, NullLocator

from experiments.files import write_bytes

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"

ROOMY = 4  # panels of a figure at most, for each to have room
_DECADES = 1e3  # of a logarithmic axis, to name more than the powers of ten


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure, whole or not at all, in the format of the suffix; the same every time it is drawn."""
    dated = {".svg": "Date", ".pdf": "CreationDate"}.get(path.suffix)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:], metadata={dated: None} if dated else None)
    write_bytes(path, buffer.getvalue())


def scale_by_logarithm(axes: Axes, which: Literal["x", "y"], form: Formatter | str = "{x:g}") -> None:
    """Makes an axis logarithmic, and names 1, 2 and 5 on it, or powers of ten if these would be too many."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_data_interval()
    axes.set(**{f"{which}scale": "log"})
    many = high >= _DECADES * low or len(axes.figure.axes) > ROOMY
    axis.set_major_locator(LogLocator(subs=(1,) if many else (1, 2, 5)))
    axis.set_major_formatter(form)
    axis.set_minor_locator(NullLocator())


def save_curves(rows: list[dict[str, float]], path: Path, title: str, metric: str = "accuracy") -> None:
    """Draws the loss and a metric against steps, training and validation.

    Args:
        rows: the rows of a run's `metrics.jsonl`.
        path: PNG to write.
        title: what the run was.
        metric: the name of the metric.
    """
    figure, (left, right) = _figure(9, 3.6, columns=2)
    figure.suptitle(title)
    for axes, key in ((left, "loss"), (right, metric)):
        steps, values = _series(rows, key)
        if steps.size:  # faintly, and their running mean, without which they are noise
            width = max(1, steps.size // 50)
            axes.plot(steps, values, color=BLUE, alpha=0.2, linewidth=0.8)
            smooth = np.convolve(values, np.ones(width) / width, mode="valid")
            label = "training" if width == 1 else f"training (mean of {width} steps)"
            axes.plot(steps[width - 1 :], smooth, color=BLUE, linewidth=1.5, label=label)
        if key == "loss" and steps.size and np.all(values > 0):
            axes.set_yscale("log")
        steps, values = _series(rows, f"validation_{key}")
        if steps.size:
            axes.plot(steps, values, color=VERMILION, marker="o", markersize=3.5, label="validation")
        axes.set(xlabel="step", ylabel=key.replace("_", " "))
        axes.grid(alpha=0.25)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    if "accuracy" in metric:
        right.set_ylim(top=1.005)
    save_figure(figure, path)


def certified_accuracy_curve(radii: np.ndarray, marked: float) -> Figure:
    """Draws which share of the inputs is decided rightly wherever they move within a radius.

    Args:
        radii: the certified radius of each input; 0 where it is decided wrongly.
        marked: a radius to point out.
    """
    figure, (axes,) = _figure(6, 3.6)
    at = np.concatenate([[0], np.sort(radii[radii > 0])])
    share = np.append((radii > 0).mean(), ((radii[:, None] > at[1:]).mean(0)))
    axes.step(at, share, where="post", color=BLUE)
    axes.axvline(marked, color="0.6", linestyle=":")
    axes.set(xlabel="radius (Euclidean, in units of the greatest intensity)", ylabel="certified accuracy")
    axes.set_ylim(0, 1.005)
    axes.set_xlim(0)
    return figure


def calibration_curve(levels: np.ndarray, quantiles: np.ndarray, targets: np.ndarray) -> Figure:
    """Draws how often targets lie below the predicted quantiles, and the quantiles themselves.

    Args:
        levels: probabilities, shape (levels,).
        quantiles: what was predicted for them, shape (examples, levels).
        targets: shape (examples,).
    """
    figure, (left, right) = _figure(9, 3.6, columns=2)
    left.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="calibrated")
    left.plot(levels, (targets[:, None] <= quantiles).mean(0), color=BLUE, marker="o", markersize=3)
    left.set(xlabel="level of the quantile", ylabel="share of the targets below it")
    middle = quantiles[:, len(levels) // 2]
    order, place = np.argsort(middle), np.arange(len(middle))
    label = f"{levels[0]:.0%} to {levels[-1]:.0%}"
    right.vlines(place, *quantiles[order][:, [0, -1]].T, color=BLUE, alpha=0.5, label=label)
    right.plot(place, targets[order], ".", color=VERMILION, markersize=4, label="target")
    right.set(xlabel="example, by predicted median", ylabel="target (standard deviations)")
    for axes in (left, right):
        axes.legend(frameon=False)
    return figure


def point_sets_over_time(rows: Sequence[tuple[int, np.ndarray]]) -> Figure:
    """Draws sets of points in the plane, a row for each of up to six moments.

    Args:
        rows: step, and sets of shape (sets, points, 2): row and column between −1 and 1.
    """
    shown = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, 6).round().astype(int))]
    count = len(shown[0][1])
    return _point_sets([(f"step {step}", sets) for step, sets in shown], count, len(shown), size=3)


def reconstructed_point_sets(given: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> Figure:
    """Draws sets above their reconstructions.

    Args:
        given: points of shape (n, 3): row, column and intensity.
        found: the same of a model.
    """
    return _point_sets([("given", given), ("reconstructed", found)], len(given), 2.2, size=9)


def sorted_images(images: np.ndarray, right: np.ndarray) -> Figure:
    """Draws sets of images, a row each, in the order that was found; what is at a wrong place is red.

    Args:
        images: intensities between 0 and 1, (sets, n, height, width).
        right: which are at the right place, (sets, n).
    """
    shades = np.repeat(1 - images[..., None], 3, -1)
    shades[~right] = np.maximum(shades[~right], [0.8, 0, 0])  # ink is red, paper stays white
    framed = np.pad(shades, [(0, 0), (0, 0), (2, 2), (2, 2), (0, 0)], constant_values=1)
    sets, n, height, width, _ = framed.shape
    mosaic = framed.transpose(0, 2, 1, 3, 4).reshape(sets * height, n * width, 3)
    figure, (axes,) = _figure(9, 9 * len(mosaic) / len(mosaic[0]))
    axes.imshow(mosaic, interpolation="nearest")
    axes.set_axis_off()
    return figure


def _series(rows: list[dict[str, float]], key: str) -> tuple[np.ndarray, np.ndarray]:
    points = [(row["step"], row[key]) for row in rows if key in row]
    return np.array([p[0] for p in points]), np.array([p[1] for p in points])


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, np.ndarray]:
    """A figure, and its axes from left to right and from the top down."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).reshape(-1)


def _point_sets(
    rows: Sequence[tuple[str, Sequence[np.ndarray] | np.ndarray]], width: float, height: float, *, size: float
) -> Figure:
    """Rows of sets, with a label each; points are (row, column, and maybe intensity), as in an image."""
    figure, grid = _figure(width, height, len(rows), len(rows[0][1]))
    for axes, points in zip(grid, (points for _, sets in rows for points in sets), strict=True):
        colors: dict[str, Any] = {"color": "0.1"}
        if points.shape[1] > 2:
            colors = {"c": 1 - np.clip(points[:, 2], 0, 1), "cmap": "gray", "vmin": 0, "vmax": 1}
        axes.scatter(points[:, 1], -points[:, 0], s=size, linewidths=0, **colors)  # rows go down
        axes.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), xticks=[], yticks=[], aspect="equal")
    for axes, (label, _) in zip(grid[:: len(rows[0][1])], rows, strict=True):
        axes.set_ylabel(label, fontsize=7)
    return figure
