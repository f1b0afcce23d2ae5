"""Before and after: two results of the benchmark side by side, and how they relate.

A ratio is that of the medians, after to before: below one, less is taken now. Its spread is what it can be
while both go through their middle half: from the lower quartile after over the upper one before, to the upper
quartile after over the lower one before. A change lies beyond the spread where this leaves out one, so where
the two middle halves do not meet. The rounds of one process share its place in memory and the state of the
machine, so an interval that shrank with the number of rounds would call such chances a change.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.benchmarks.contestants import label
from experiments.benchmarks.measurements import RUN_TIME, Result
from experiments.benchmarks.summaries import short
from experiments.benchmarks.timing import Measurement

# What makes two results comparable, by the name it has for people.
_TRAITS = {
    "device": "device",
    "cores": "cores",
    "instruction set": "instruction_set",
    "engine of manual": "manual",
    "PyTorch": "torch",
    "softjax": "softjax",
    "revision": "git_revision",
}
_VERSIONS = ("python", "jax", "jaxlib", "numpy")


@dataclass(frozen=True)
class Change:
    """What a contestant took of one quantity, before and after.

    Attributes:
        suite: the suite.
        case: the case, and the quantity unless it is the run time.
        contestant: who was measured.
        unit: of both measurements.
        before: the older measurement.
        after: the newer one.
    """

    suite: str
    case: str
    contestant: str
    unit: str
    before: Measurement
    after: Measurement

    @property
    def ratio(self) -> float:
        """The median after, as a multiple of the one before."""
        return _ratio(self.after.median, self.before.median)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest ratio within the quartiles of both."""
        return _ratio(self.after.low, self.before.high), _ratio(self.after.high, self.before.low)

    @property
    def verdict(self) -> str:
        """`more` or `less` for a change beyond the spread, else nothing."""
        low, high = self.spread
        return "more" if low > 1 else "less" if high < 1 else ""


def changes(before: Sequence[Result], after: Sequence[Result]) -> list[Change]:
    """Returns what both results hold, the greatest ratio first.

    Args:
        before: the older results.
        after: the newer ones.
    """
    older = _by_name(before)
    found = [
        Change(*name, contestant, unit, older[name, unit].measurements[contestant], measurement)
        for (name, unit), result in _by_name(after).items()
        for contestant, measurement in result.measurements.items()
        if (name, unit) in older and contestant in older[name, unit].measurements
    ]
    return sorted(found, key=lambda change: change.ratio, reverse=True)


def comparison_table(
    before: tuple[Mapping[str, Any], Sequence[Result]], after: tuple[Mapping[str, Any], Sequence[Result]]
) -> str:
    """Returns Markdown: how the machines differ, a row for each change, what only one has, and a summary.

    Args:
        before: the machine and the results to compare with, as `read_results` returns them.
        after: those to compare.
    """
    found = changes(before[1], after[1])
    table = _aligned([_HEAD, *map(_row, found)]) if found else []
    alone = [f"only before: {words}" for words in _only_in(before[1], after[1])]
    alone += [f"only after: {words}" for words in _only_in(after[1], before[1])]
    parts = machine_changes(before[0], after[0]), table, alone, _summary(found)
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def machine_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Returns a line for each difference: processor, instruction set, versions, revision.

    >>> machine_changes({"cores": 4, "torch": None}, {"cores": 4, "torch": "2.13.0"})
    ['PyTorch: none before, 2.13.0 after']
    """
    pairs = {name: (before.get(key), after.get(key)) for name, key in _TRAITS.items()}
    versions = before.get("versions", {}), after.get("versions", {})
    pairs |= {name: (versions[0].get(name), versions[1].get(name)) for name in _VERSIONS}
    told = {name: [str(x) if x is not None else "none" for x in pair] for name, pair in pairs.items()}
    return [f"{name}: {old} before, {new} after" for name, (old, new) in told.items() if old != new]


_HEAD = ("suite", "case", "contestant", "before", "after", "ratio", "spread", "beyond it")


def _row(change: Change) -> tuple[str, ...]:
    low, high = change.spread
    return (
        change.suite,
        change.case,
        label(change.contestant),
        f"{short(change.before.median)} {change.unit}",
        f"{short(change.after.median)} {change.unit}",
        f"{change.ratio:.2f}×",
        f"{low:.2f} – {high:.2f}",
        change.verdict,
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Returns a table in Markdown that reads on a screen, too; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _summary(found: Sequence[Change]) -> list[str]:
    """Returns a line for each contestant, and one for all, by unit."""
    if not found:
        return ["nothing to compare: no contestant was measured in the same case before and after"]
    units, lines = list(dict.fromkeys(change.unit for change in found)), []
    for unit in units:
        of = f", {unit}" if len(units) > 1 else ""
        measured = [change for change in found if change.unit == unit]
        for name in sorted({change.contestant for change in measured}):
            lines.append(_summed_up(label(name) + of, [c for c in measured if c.contestant == name]))
        lines.append(_summed_up(f"all{of}", measured))
    return lines


def _summed_up(name: str, found: Sequence[Change]) -> str:
    ratios = [c.ratio for c in found if 0 < c.ratio < math.inf]
    mean = f"{np.exp(np.log(ratios).mean()):.2f}×" if ratios else "–"
    less, more = (sum(c.verdict == verdict for c in found) for verdict in ("less", "more"))
    return f"{name}: {mean} in the geometric mean of {len(found)}; beyond the spread {less} less, {more} more"


def _by_name(results: Sequence[Result]) -> dict[tuple[tuple[str, str], str], Result]:
    """Results by suite and case, and by unit."""
    return {((r.suite, _case(r)), r.unit): r for r in results}


def _case(result: Result) -> str:
    case = result.case
    if result.suite == "loop":  # whose cases end with the time of a step, in which no two agree
        case = case.partition(", steps of ")[0]
    return case if result.quantity == RUN_TIME else f"{case}: {result.quantity}"


def _only_in(these: Sequence[Result], others: Sequence[Result]) -> Iterator[str]:
    """Yields what only the first hold: cases, and contestants, with the reason where one failed."""
    there = _by_name(others)
    absent: dict[str, list[str]] = {}
    for key, result in _by_name(these).items():
        (suite, case), _ = key
        if key not in there:
            yield f"{suite} {case}"
            continue
        for name in result.measurements.keys() - there[key].measurements.keys():
            if why := there[key].failures.get(name):
                yield f"{label(name)} in {suite} {case}; it failed: {why}"
            else:
                absent.setdefault(name, []).append(suite)
    for name, suites in sorted(absent.items()):
        number = f"{len(suites)} case{'s' * (len(suites) != 1)}"
        yield f"{label(name)} in {number} of {', '.join(dict.fromkeys(suites))}"


def _ratio(after: float, before: float) -> float:
    if after == before:
        return 1.0
    return after / before if before else math.inf
