"""The table by which the README and the page of benchmarks sum up a file of results."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.benchmarks.contestants import label
from experiments.benchmarks.machine import machine_line
from experiments.benchmarks.peers import NUMPY, TORCH
from experiments.benchmarks.results import RUN_TIME, Result
from experiments.benchmarks.step_times import MAXPOOL
from experiments.benchmarks.tables import REFERENCE

# By suite, what its row says before the numbers; {count} is that of the shapes.
_ROWS = {
    "article": "one million elements, the article's case",
    "pooling": "pooling: {count} shapes of sets × points × features",
    "rows": "rows: {count} shapes, 32 to 4096 long",
    "tiny": "tiny: {count} shapes, 2 to 512 elements, dispatch counted",
    "step": "a whole training step of `model=sortpool`",
}
_JAX = ("manual:native", "manual:xla", "builtin", "double_argsort")  # written as code; peers are not


def summary_table(machine: Mapping[str, Any], results: Sequence[Result]) -> str:
    """Returns Markdown: what it was measured on, a row a suite, and what a training step costs.

    The numbers are multiples of `manual`'s time: geometric means over a suite, least and greatest in
    brackets.

    Args:
        machine: what describe_machine returned.
        results: of the suites that are to have a row.
    """
    timed = [
        r for r in results if r.quantity == RUN_TIME and r.suite in _ROWS and REFERENCE in r.measurements
    ]
    seen = {name for r in timed for name in r.measurements}
    names = [name for name in (*_JAX, TORCH, NUMPY) if name in seen]
    heads = [f"`{name}`" if name in _JAX else label(name) for name in names]
    lines = [f"{machine_line(machine)}:", "", f"| | {' | '.join(heads)} |", "|---" * (len(names) + 1) + "|"]
    for suite, words in _ROWS.items():
        if chosen := [r for r in timed if r.suite == suite]:
            cells = [_cell([_ratio(r, name) for r in chosen if name in r.measurements]) for name in names]
            lines.append(f"| {words.format(count=len(chosen))} | {' | '.join(cells)} |")
    for step in (r for r in timed if MAXPOOL in r.measurements):
        times = 1 / _ratio(step, MAXPOOL)
        lines += [
            "",
            f"A training step of `model=sortpool` takes {times:.2f} times as long as one of `model=maxpool`.",
        ]
    return "\n".join(lines)


def _ratio(result: Result, name: str) -> float:
    return result.measurements[name].median / result.measurements[REFERENCE].median


def _cell(ratios: Sequence[float]) -> str:
    if not ratios:
        return "–"
    mean = f"{_digits(statistics.geometric_mean(ratios))}×"
    return mean if len(ratios) == 1 else f"{mean} ({_digits(min(ratios))} – {_digits(max(ratios))})"


def _digits(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"
