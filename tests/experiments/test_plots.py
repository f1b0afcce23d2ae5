import math

import matplotlib.image
import pytest

from experiments.plots import save_curves

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
