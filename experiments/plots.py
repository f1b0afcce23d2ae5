"""All pictures of runs: learning curves, and what a model has learned."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
BLACK = "#000000"


def save_curves(rows: list[dict[str, float]], path: Path, title: str, metric: str = "accuracy") -> None:
    """Draws the loss and a metric against steps, training and validation.

    Args:
        rows: the rows of a run's `metrics.jsonl`.
        path: PNG to write.
        title: what the run was.
        metric: the name of the metric.
    """
    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # no global state, and no display needed
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    for axes, key, label in ((left, "loss", "loss"), (right, metric, metric.replace("_", " "))):
        _draw_training(axes, *_series(rows, key))
        _draw_validation(axes, *_series(rows, f"validation_{key}"))
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.grid(alpha=0.25)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    losses = _series(rows, "loss")[1]
    if losses.size and np.all(losses > 0):
        left.set_yscale("log")
    if "accuracy" in metric:
        right.set_ylim(top=1.005)
    figure.savefig(path)


def _series(rows: list[dict[str, float]], key: str) -> tuple[np.ndarray, np.ndarray]:
    points = [(row["step"], row[key]) for row in rows if key in row]
    return np.array([p[0] for p in points]), np.array([p[1] for p in points])


def _draw_training(axes: Axes, steps: np.ndarray, values: np.ndarray) -> None:
    """The values faintly, and their running mean, without which they are noise."""
    if not steps.size:
        return
    width = max(1, steps.size // 50)
    axes.plot(steps, values, color=BLUE, alpha=0.2, linewidth=0.8)
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    label = "training" if width == 1 else f"training (mean of {width} steps)"
    axes.plot(steps[width - 1 :], smooth, color=BLUE, linewidth=1.5, label=label)


def _draw_validation(axes: Axes, steps: np.ndarray, values: np.ndarray) -> None:
    if steps.size:
        axes.plot(steps, values, color=VERMILION, marker="o", markersize=3.5, label="validation")


def certified_accuracy_curve(radii: np.ndarray, marked: float) -> Figure:
    """Draws which share of the inputs is decided rightly wherever they move within a radius.

    Args:
        radii: the certified radius of each input; 0 where it is decided wrongly.
        marked: a radius to point out.
    """
    figure, axes = _one(6, 3.6)
    at = np.concatenate([[0], np.sort(radii[radii > 0])])
    share = np.append((radii > 0).mean(), ((radii[:, None] > at[1:]).mean(0)))
    axes.step(at, share, where="post", color=BLUE)
    axes.axvline(marked, color="0.6", linestyle=":")
    axes.set_xlabel("radius (Euclidean, in units of the greatest intensity)")
    axes.set_ylabel("certified accuracy")
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
    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="calibrated")
    left.plot(levels, (targets[:, None] <= quantiles).mean(0), color=BLUE, marker="o", markersize=3)
    left.set_xlabel("level of the quantile")
    left.set_ylabel("share of the targets below it")
    left.legend(frameon=False)
    middle = quantiles[:, len(levels) // 2]
    order, place = np.argsort(middle), np.arange(len(middle))
    label = f"{levels[0]:.0%} to {levels[-1]:.0%}"
    right.vlines(place, *quantiles[order][:, [0, -1]].T, color=BLUE, alpha=0.5, label=label)
    right.plot(place, targets[order], ".", color=VERMILION, markersize=4, label="target")
    right.set_xlabel("example, by predicted median")
    right.set_ylabel("target (standard deviations)")
    right.legend(frameon=False)
    return figure


def point_sets_over_time(rows: Sequence[tuple[int, np.ndarray]]) -> Figure:
    """Draws sets of points in the plane, a row for each of up to six moments.

    Args:
        rows: step, and sets of shape (sets, points, 2): row and column between −1 and 1.
    """
    shown = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, 6).round().astype(int))]
    count = len(shown[0][1])
    figure = Figure(figsize=(count, len(shown)), dpi=150, layout="constrained")
    grid = figure.subplots(len(shown), count, squeeze=False)
    for axes_row, (step, sets) in zip(grid, shown, strict=True):
        for axes, points in zip(axes_row, sets, strict=True):
            _draw_points(axes, points, size=3)
        axes_row[0].set_ylabel(f"step {step}", fontsize=7)
    return figure


def reconstructed_point_sets(given: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> Figure:
    """Draws sets above their reconstructions.

    Args:
        given: points of shape (n, 3): row, column and intensity.
        found: the same of a model.
    """
    figure = Figure(figsize=(len(given), 2.2), dpi=150, layout="constrained")
    grid = figure.subplots(2, len(given), squeeze=False)
    for axes_row, sets, label in zip(grid, (given, found), ("given", "reconstructed"), strict=True):
        for axes, points in zip(axes_row, sets, strict=True):
            _draw_points(axes, points[:, :2], points[:, 2], size=9)
        axes_row[0].set_ylabel(label, fontsize=7)
    return figure


def _one(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    return figure, figure.subplots()


def _draw_points(axes: Axes, points: np.ndarray, intensity: np.ndarray | None = None, *, size: float) -> None:
    """Points of (row, column) as in an image: rows go down."""
    shade = None if intensity is None else np.clip(intensity, 0, 1)
    colors = {"color": "0.1"} if shade is None else {"c": 1 - shade, "cmap": "gray", "vmin": 0, "vmax": 1}
    axes.scatter(points[:, 1], -points[:, 0], s=size, linewidths=0, **colors)
    axes.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), xticks=[], yticks=[], aspect="equal")
