"""Draws the figures of docs/order-statistics.md: `python scripts/draw_weights.py`."""

from pathlib import Path

from experiments.weight_figures import draw_weights

if __name__ == "__main__":
    for path in draw_weights(Path(__file__).parents[1] / "docs" / "order-statistics"):
        print(path)
