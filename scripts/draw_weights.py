"""Draws the figures of docs/guides/order-statistics.md: `python scripts/draw_weights.py`.

They show what each order statistic and each loss weighs: its gradient, against the rank.
"""

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import diffsort
from diffsort import losses
from experiments.plots import BLUE, VERMILION, save_figure

Statistic = Callable[[jax.Array], jax.Array]

FIGURES = Path(__file__).parents[1] / "docs" / "guides" / "order-statistics"
RANKS = 20

STATISTICS: dict[str, Statistic] = {
    "order_statistic": functools.partial(diffsort.order_statistic, k=4),
    "median": diffsort.median,
    "quantile": functools.partial(diffsort.quantile, q=0.82),
    "trimmed_mean": functools.partial(diffsort.trimmed_mean, proportion=0.2),
    "winsorized_mean": functools.partial(diffsort.winsorized_mean, proportion=0.2),
    "superquantile": functools.partial(diffsort.superquantile, level=0.72),
    "l_moments": lambda x: diffsort.l_moments(x, 3)[2],
    "gini_mean_difference": diffsort.gini_mean_difference,
    "cvar_smoothed": functools.partial(losses.cvar, level=0.72, smoothing=4.0),
    "average_top_k": functools.partial(losses.average_top_k, k=6),
    "trimmed": functools.partial(losses.trimmed, proportion=0.2),
    "ranked_range": functools.partial(losses.ranked_range, k=12, m=3),
    "extremile": functools.partial(losses.spectral_risk, spectrum=losses.extremile_spectrum(3.0)),
    "esrm": functools.partial(losses.spectral_risk, spectrum=losses.esrm_spectrum(4.0)),
}

BETWEEN_SAMPLES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "wasserstein_1d": losses.wasserstein_1d,
    "wasserstein_1d_squared": functools.partial(losses.wasserstein_1d, p=2.0),
    "energy_distance": losses.energy_distance,
    "crps_ensemble": lambda x, y: losses.crps_ensemble(x, jnp.median(y)),
}


def draw_weights(directory: Path) -> list[Path]:
    """Draws every op's gradient into an SVG file of its name, and returns the paths.

    Args:
        directory: where to write; it exists.
    """
    paths = []
    for name, statistic in STATISTICS.items():
        x = jnp.arange(RANKS, dtype=jnp.float32)  # sorted, so the gradient is the weight of each rank
        paths.append(_save(directory, name, _bars(jax.grad(statistic)(x))))
    generator = np.random.default_rng(0)
    x, y = (
        jnp.sort(jnp.asarray(generator.normal(m, s, RANKS), jnp.float32)) for m, s in ((-0.4, 1), (0.4, 0.6))
    )
    for name, loss in BETWEEN_SAMPLES.items():
        given = jnp.median(y)[None] if name == "crps_ensemble" else y
        paths.append(_save(directory, name, _pushes(x, given, jax.grad(loss)(x, y))))
    return paths


def _bars(weights: jax.Array) -> Figure:
    figure, axes = _small("k, from the smallest", "weight")
    axes.bar(np.arange(RANKS), weights, color=BLUE, width=0.8)
    return figure


def _pushes(x: jax.Array, given: jax.Array, gradient: jax.Array) -> Figure:
    """Predictions with the direction that descent moves them in, and the targets below."""
    figure, axes = _small("prediction (targets: orange)", "− gradient")
    axes.vlines(x, 0, -gradient, color=BLUE, linewidth=1.5)
    axes.plot(x, -gradient, ".", color=BLUE, markersize=4)
    axes.plot(given, np.zeros_like(given), "|", color=VERMILION, markersize=9)
    return figure


def _small(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(2.6, 1.3), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0, color="0.4", linewidth=0.6)
    axes.set_xlabel(across, fontsize=7)
    axes.set_ylabel(up, fontsize=7)
    axes.tick_params(labelsize=6)
    return figure, axes


def _save(directory: Path, name: str, figure: Figure) -> Path:
    path = directory / f"{name}.svg"
    with matplotlib.rc_context({"svg.hashsalt": "diffsort"}):  # else its ids are random
        save_figure(figure, path)
    return path


def main() -> None:
    """Draws all figures and prints where they are."""
    parser = argparse.ArgumentParser(
        description="Draws what each order statistic and each loss weighs, as SVG."
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=FIGURES,
        metavar="DIR",
        help="where to write (default: docs/guides/order-statistics)",
    )
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for path in draw_weights(output):
        print(path)


if __name__ == "__main__":
    main()
