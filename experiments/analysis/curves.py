"""The picture of a training run."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.analysis.colours import BLUE, VERMILION


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
