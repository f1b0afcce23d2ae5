"""How far the losses of cells drift apart that differ in how they sort and in nothing else."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.report.cells import Cell
from experiments.report.runs import Run
from experiments.report.series import read_series

_SORT = "sort"  # the config group; what differs in it alone should differ in speed alone


@dataclass(frozen=True)
class LossDifference:
    """Training losses of two cells, compared step by step at equal seeds.

    Attributes:
        cells: the two.
        seeds: how many seeds both have curves of.
        steps: how many losses were compared.
        largest: greatest absolute difference; NaN if only one of two losses is a number. 0 says that they
            are the same, bit for bit.
        first_step: the earliest step at which losses differ; None if none does.
    """

    cells: tuple[Cell, Cell]
    seeds: int
    steps: int
    largest: float
    first_step: int | None


def loss_differences(cells: Sequence[Cell]) -> list[LossDifference]:
    """Compares the first cell of those that differ in the sort alone with each of the others.

    Pairs that have no losses of the same seed and step are left out.
    """
    families: dict[tuple[tuple[str, str], ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        rest = (item for item in cell.values.items() if item[0].partition(".")[0] != _SORT)
        families[tuple(rest)].append(cell)
    pairs = [(family[0], other) for family in families.values() for other in family[1:]]
    return [difference for pair in pairs if (difference := _compare(*pair)).steps]


def _compare(first: Cell, second: Cell) -> LossDifference:
    found = [
        _differing(run, second.finished[seed])
        for seed, run in first.finished.items()
        if seed in second.finished
    ]
    found = [(steps, gaps) for steps, gaps in found if steps.size]
    if not found:
        return LossDifference((first, second), 0, 0, 0.0, None)
    steps, gaps = (np.concatenate(parts) for parts in zip(*found, strict=True))
    differing = steps[gaps != 0]
    return LossDifference(
        (first, second),
        seeds=len(found),
        steps=steps.size,
        largest=float(np.max(gaps)),
        first_step=int(np.min(differing)) if differing.size else None,
    )


def _differing(first: Run, second: Run) -> tuple[np.ndarray, np.ndarray]:
    """The steps that both runs have, and how far their losses are apart there."""
    a, b = (read_series(run, "loss") for run in (first, second))
    steps, in_a, in_b = np.intersect1d(a.steps, b.steps, return_indices=True)
    left, right = a.values[in_a], b.values[in_b]
    with np.errstate(invalid="ignore"):  # inf - inf
        gaps = np.abs(left - right)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    return steps, np.where(same, 0.0, gaps)
