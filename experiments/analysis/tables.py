"""Tables for people: benchmark results on a screen."""

import statistics
from collections.abc import Sequence

from experiments.analysis.benchmarks import Result

REFERENCE = "manual"


def benchmark_table(result: Result) -> str:
    """Returns a case's medians and quartiles in milliseconds, and each time relative to `manual`'s."""
    reference = result.timings[REFERENCE].median_ms
    lines = [result.case]
    for name, t in result.timings.items():
        spread = f"({_short(t.low_ms)} – {_short(t.high_ms)})"
        lines.append(f"  {name:<16}{_short(t.median_ms):>10} ms  {spread:<20}{t.median_ms / reference:7.2f}×")
    return "\n".join(lines)


def geometric_mean_line(results: Sequence[Result], other: str = "builtin") -> str:
    """Returns the geometric mean over the cases of how many times slower `other` is, and the least."""
    ratios = [r.timings[other].median_ms / r.timings[REFERENCE].median_ms for r in results]
    mean = statistics.geometric_mean(ratios)
    return (
        f"{REFERENCE} against {other}: {mean:.2f}× faster in the geometric mean, {min(ratios):.2f}× at least"
    )


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.3g}" if milliseconds < 100 else f"{milliseconds:.0f}"
