"""Tables and sentences for people: on a screen, and for the README."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.benchmarks.contestants import BUILTIN, MAXPOOL, NUMPY, REFERENCE, TORCH, label
from experiments.benchmarks.measurements import RUN_TIME, Result, machine_line, relative_times, run_times
from experiments.benchmarks.soft import softjax_twin

_TOGETHER = ("article", "pooling", "rows")  # what the last line of a benchmark is about

# By suite, what its row of the summary says before the numbers; {count} is that of the shapes.
_ROWS = {
    "article": "one million elements, the article's case",
    "pooling": "pooling: {count} shapes of sets × points × features",
    "rows": "rows: {count} shapes, 32 to 4096 long",
    "tiny": "tiny: {count} shapes, 2 to 512 elements, dispatch counted",
    "step": "a whole training step of `model=sortpool`",
}
# Suites with a row for each case.
_BY_CASE = ("top_k", "patterns", "dispatch", "ragged")


def benchmark_table(result: Result, engine: str | None = None) -> str:
    """Returns a case's medians and quartiles, and each median relative to `manual`'s.

    Args:
        result: what was measured.
        engine: the engine that `manual` takes.
    """
    lines = [result.case if result.quantity == RUN_TIME else f"{result.case}: {result.quantity}"]
    reference = result.measurements.get(REFERENCE)
    for name, m in result.measurements.items():
        line = f"  {label(name, engine):<16}{short(m.median):>10} {result.unit}"
        if m.repeats > 1:  # else the spread is nothing, and the unit a ratio already
            line += f"  {f'({short(m.low)} – {short(m.high)})':<20}"
            line += f"{m.median / reference.median:7.2f}×" if reference else ""
        lines.append(line)
    lines += [f"  {label(name, engine):<16} failed: {why}" for name, why in result.failures.items()]
    return "\n".join(lines)


def summary_line(results: Sequence[Result]) -> str | None:
    """Returns how `manual` compares, in the geometric mean over the cases and at worst; None if not timed.

    Args:
        results: of a suite, or of several.
    """
    times, parts = relative_times(results), []
    for name in times.columns.intersection([BUILTIN, TORCH]):
        least = f"{times[name].min():.2f}×"
        parts.append(f"{_mean(times[name]):.2f}× as fast as {label(name)} (at least {least})")
    near = {NUMPY: label(NUMPY), MAXPOOL: "a step of model=maxpool"}
    for name in times.columns.intersection(list(near)):
        most = f"{1 / times[name].min():.2f}×"
        parts.append(f"{1 / _mean(times[name]):.2f}× the time of {near[name]} (at most {most})")
    return f"{REFERENCE}: {', '.join(parts)}" if parts else None


def together_line(results: Sequence[Result]) -> str | None:
    """Returns the summary of article, pooling and rows together; None if one of them was not run."""
    chosen = [r for r in results if r.suite in _TOGETHER]
    if {r.suite for r in chosen} != set(_TOGETHER):
        return None
    return f"{', '.join(_TOGETHER)} together ({len(chosen)} cases)\n{summary_line(chosen)}"


def summary_table(machine: Mapping[str, Any], results: Sequence[Result]) -> str:
    """Returns Markdown: the machine, a row a suite, what a training step costs, and what the loop adds.

    The numbers are multiples of `manual`'s time: geometric means over a suite, least and greatest in
    brackets. Relaxed sorts have a table of their own, and so has what is not a sort, by case.

    Args:
        machine: what `describe_machine` returned.
        results: of the suites that are to have a row.
    """
    times = relative_times([r for r in results if r.suite in _ROWS])
    names = [name for name in times if name not in (REFERENCE, MAXPOOL)]
    heads = [label(name) if name in (TORCH, NUMPY) else f"`{name}`" for name in names]
    lines = [f"{machine_line(machine)}:"]
    if names:
        lines += ["", f"| | {' | '.join(heads)} |", "|---" * (len(names) + 1) + "|"]
    for suite, words in _ROWS.items():
        rows = times[times.index.get_level_values("suite") == suite]
        if len(rows):
            cells = [words.format(count=len(rows)), *(_cell(rows[name].dropna()) for name in names)]
            lines.append(f"| {' | '.join(cells)} |")
    for suite in _BY_CASE:
        lines += _case_table(suite, [r for r in results if r.suite == suite])
    lines += _soft_table(machine, run_times([r for r in results if r.suite == "soft"]))
    for time in times.get(MAXPOOL, pd.Series()).dropna():
        cost = f"{1 / time:.2f} times as long as one of `model=maxpool`"
        lines += ["", f"A training step of `model=sortpool` takes {cost}."]
    for result in results:
        if result.suite == "loop":
            costs = (f"{m.median:.2f} ({name})" for name, m in result.measurements.items())
            lines += [
                "",
                f"A run's steps take, as multiples of the compiled step's own time: {', '.join(costs)}.",
            ]
    return "\n".join(lines)


def short(value: float) -> str:
    """Returns three digits of a number, and all of them before the point.

    >>> short(0.012345), short(1234.5)
    ('0.0123', '1234')
    """
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _case_table(suite: str, results: Sequence[Result]) -> list[str]:
    """Returns the lines of Markdown about a suite: what `manual` takes, and the others' multiples of it."""
    if not results:
        return []
    names = [n for n in dict.fromkeys(name for r in results for name in r.measurements) if n != REFERENCE]
    lines = [
        "",
        f"| `{suite}` | `{REFERENCE}` | {' | '.join(map(label, names))} |",
        "|---" * (len(names) + 2) + "|",
    ]
    for result in results:
        what = result.case if result.quantity == RUN_TIME else f"{result.case}: {result.quantity}"
        ours = result.measurements[REFERENCE].median
        others = [result.measurements.get(name) for name in names]
        cells = ["–" if m is None else f"{_digits(m.median / ours)}×" for m in others]
        lines.append(f"| {what} | {short(ours)} {result.unit} | {' | '.join(cells)} |")
    return lines


def _soft_table(machine: Mapping[str, Any], times: pd.DataFrame) -> list[str]:
    """Returns the lines of Markdown about relaxed sorts: milliseconds, a row a method, a column a shape."""
    if times.empty:
        return []
    cases = [str(case).removesuffix(", axis 1") for case in times.index.get_level_values("case")]
    lines = ["", "Milliseconds, forward and backward, of rows × elements:"]
    if machine.get("softjax"):
        twin = f"softjax {machine['softjax']}'s same method"
        lines = ["", f"{lines[-1].removesuffix(':')}; in brackets, how many times as long {twin} takes:"]
    lines += ["", f"| | {' | '.join(cases)} |", "|---" * (len(cases) + 1) + "|"]
    for name in times:
        if str(name).startswith(softjax_twin("")):
            continue
        twins = times.get(softjax_twin(str(name)), pd.Series(np.nan, times.index))
        cells = [
            "–" if np.isnan(ours) else short(ours) + ("" if np.isnan(twin) else f" ({_digits(twin / ours)}×)")
            for ours, twin in zip(times[name], twins, strict=True)
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def _cell(times: pd.Series) -> str:
    if times.empty:
        return "–"
    mean = f"{_digits(_mean(times))}×"
    return mean if len(times) == 1 else f"{mean} ({_digits(times.min())} – {_digits(times.max())})"


def _mean(times: pd.Series) -> float:
    """The geometric mean of those that took part."""
    return float(np.exp(np.log(times).mean()))


def _digits(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"
