"""Draws the figures of docs/guides/relaxed.md: `python scripts/draw_relaxed.py`.

One of four elements moves past the others: what each relaxed sort makes of their values, and of its rank.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from matplotlib.figure import Figure

import diffsort
from diffsort.implementations import ImplementationLike
from diffsort.soft import RelaxedSort
from experiments.plots import BLUE, GREEN, PURPLE, VERMILION, save_figure

FIGURES = Path(__file__).parents[1] / "docs" / "guides" / "relaxed"
METHODS = {
    name: method
    for name in diffsort.implementation_names()
    if isinstance(method := diffsort.get_implementation(name), RelaxedSort)
}
OTHERS = (0.0, 0.3, 0.6)
COLUMNS = 4


def draw_relaxed(directory: Path, methods: Mapping[str, RelaxedSort] = METHODS) -> list[Path]:
    """Draws sorted values and ranks into an SVG file each, a panel a method, and returns the paths.

    Args:
        directory: where to write; it exists.
        methods: relaxed sorts, by name.
    """
    moving = np.linspace(-0.3, 0.9, 121, dtype=np.float32)
    rows = jnp.stack([*(jnp.full_like(moving, other) for other in OTHERS), moving], -1)

    def rank(x: jax.Array, implementation: ImplementationLike) -> jax.Array:
        return diffsort.soft_rank(x, implementation=implementation)[:, -1:]

    return [
        _save(directory / "values.svg", _panels(rows, diffsort.sort, methods, "sorted values")),
        _save(directory / "ranks.svg", _panels(rows, rank, methods, "rank")),
    ]


def _panels(
    rows: jax.Array, op: Callable[..., jax.Array], methods: Mapping[str, RelaxedSort], up: str
) -> Figure:
    height = -(-len(methods) // COLUMNS)
    figure = Figure(figsize=(2.1 * COLUMNS, 1.8 * height), layout="constrained")
    panels = figure.subplots(height, COLUMNS, squeeze=False, sharex=True, sharey=True)
    for axes, (name, method) in zip(panels.flat, methods.items(), strict=False):
        exact, relaxed = op(rows, implementation="manual"), op(rows, implementation=method)
        axes.plot(rows[:, -1], exact, color="0.6", linewidth=0.8, linestyle="--")
        axes.set_prop_cycle(color=[BLUE, VERMILION, GREEN, PURPLE])
        axes.plot(rows[:, -1], relaxed, linewidth=1.3)
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=6)
    for axes in panels.flat[len(methods) :]:
        axes.remove()
    figure.supxlabel("the element that moves", fontsize=8)
    figure.supylabel(up, fontsize=8)
    return figure


def _save(path: Path, figure: Figure) -> Path:
    with matplotlib.rc_context({"svg.hashsalt": "diffsort"}):  # else its ids are random
        save_figure(figure, path)
    return path


def main() -> None:
    """Draws both figures and prints where they are."""
    parser = argparse.ArgumentParser(
        description="Draws what each relaxed sort makes of four elements, as SVG."
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=FIGURES,
        metavar="DIR",
        help="where to write (default: docs/guides/relaxed)",
    )
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for path in draw_relaxed(output):
        print(path)


if __name__ == "__main__":
    main()
