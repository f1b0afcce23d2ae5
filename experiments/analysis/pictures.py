"""Pictures of what a model has learned."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.analysis.colours import BLUE, VERMILION


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
