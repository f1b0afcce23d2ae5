import math

import matplotlib.image
import pytest
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from experiments.plots import save_curves, scale_by_logarithm

ROWS = {
    "a whole run": [{"step": s, "loss": 1 / s, "accuracy": 1 - 1 / s} for s in range(1, 200)]
    + [{"step": 100, "validation_loss": 0.2, "validation_accuracy": 0.8}],
    "one step": [{"step": 1, "loss": 2.0, "accuracy": 0.1}],
    "no steps": [],
    "a loss that became NaN": [
        {"step": 1, "loss": 2.0, "accuracy": 0.1},
        {"step": 2, "loss": math.nan, "accuracy": 0.0},
    ],
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS.keys())
def test_draws_a_picture_of(rows, tmp_path):
    path = tmp_path / "curves.png"
    save_curves(rows, path, "title")
    assert matplotlib.image.imread(path).shape[:2] == (540, 1350)


@pytest.mark.parametrize(
    ("fastest", "slowest", "ticks"),
    [(2.5e-9, 6e-7, ["5 ns", "100 ns", "500 ns"]), (5e-9, 1.5e-5, ["10 ns", "1 µs", "10 µs"])],
    ids=["few decades", "many"],
)
def test_ticks_are_times_as_people_say_them(fastest: float, slowest: float, ticks: list[str]) -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([fastest, slowest], [0, 1])
    scale_by_logarithm(axes, "x", EngFormatter("s"))
    shown = [text.get_text() for text in axes.get_xticklabels()]
    assert set(ticks) <= set(shown)
    assert not any("10^" in text for text in shown)
