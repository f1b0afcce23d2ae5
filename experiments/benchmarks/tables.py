"""Tables for people: benchmark results on a screen."""

import statistics
from collections.abc import Sequence

from experiments.benchmarks.contestants import label
from experiments.benchmarks.peers import NUMPY, TORCH
from experiments.benchmarks.results import RUN_TIME, Result
from experiments.benchmarks.step_times import MAXPOOL

REFERENCE = "manual"
TOGETHER = ("article", "pooling", "rows")  # what the last line of a benchmark is about

_RIVALS = ("builtin", TORCH)  # to be faster than
_BOUNDS = {NUMPY: label(NUMPY), MAXPOOL: "a step of model=maxpool"}  # to come near to


def benchmark_table(result: Result, engine: str | None = None) -> str:
    """Returns a case's medians and quartiles, and each median relative to `manual`'s.

    Args:
        result: what was measured.
        engine: the one that `manual` takes.
    """
    exact = all(m.repeats == 1 for m in result.measurements.values())
    lines = [result.case if result.quantity == RUN_TIME else f"{result.case}: {result.quantity}"]
    for name, m in result.measurements.items():
        line = f"  {label(name, engine):<16}{_short(m.median):>10} {result.unit}"
        if not exact:  # else the spread is nothing, and the unit a ratio already
            line += f"  {f'({_short(m.low)} – {_short(m.high)})':<20}"
            line += f"{m.median / _reference(result):7.2f}×" if REFERENCE in result.measurements else ""
        lines.append(line)
    lines += [f"  {label(name, engine):<16} failed: {why}" for name, why in result.failures.items()]
    return "\n".join(lines)


def summary_line(results: Sequence[Result]) -> str | None:
    """Returns how `manual` compares, in the geometric mean over the cases and at worst; None if not timed.

    Args:
        results: of a suite, or of several.
    """
    timed = [r for r in results if r.quantity == RUN_TIME and REFERENCE in r.measurements]
    parts = []
    for name in _RIVALS:
        if ratios := [r.measurements[name].median / _reference(r) for r in timed if name in r.measurements]:
            parts.append(f"{_mean(ratios)} as fast as {label(name)} (at least {min(ratios):.2f}×)")
    for name, words in _BOUNDS.items():
        if ratios := [_reference(r) / r.measurements[name].median for r in timed if name in r.measurements]:
            parts.append(f"{_mean(ratios)} the time of {words} (at most {max(ratios):.2f}×)")
    return f"{REFERENCE}: {', '.join(parts)}" if parts else None


def together_line(results: Sequence[Result]) -> str | None:
    """Returns the summary of article, pooling and rows together; None if one of them was not run."""
    chosen = [r for r in results if r.suite in TOGETHER]
    if {r.suite for r in chosen} != set(TOGETHER):
        return None
    return f"{', '.join(TOGETHER)} together ({len(chosen)} cases)\n{summary_line(chosen)}"


def _reference(result: Result) -> float:
    return result.measurements[REFERENCE].median


def _mean(ratios: Sequence[float]) -> str:
    return f"{statistics.geometric_mean(ratios):.2f}×"


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
