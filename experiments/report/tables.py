"""The tables of a report, most of them with a row for each cell."""

import math
import os
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from experiments.report import statistics
from experiments.report.formatting import (
    Better,
    Table,
    cell_table,
    decimals,
    entries,
    intervals,
    numbers,
    texts,
)
from experiments.report.load import Run
from experiments.report.sweep import ABSENT, Cell, Sweep, in_words
from experiments.run_directory import CURVES_FILE, ERROR_FILE, HYDRA, PICTURE_FILE

_EARLY, _LATER = 1, 10  # evaluations: with one an epoch, the first and the tenth
_STEP = "step_time_ms"
_NOISE = "gradient_noise_"


def headline_table(sweep: Sweep, target: float | None) -> Table:
    """Returns what matters most of each cell: its metric, the difference to the baseline, its speed."""
    cells = sweep.cells
    places = decimals(value for cell in cells for value in cell.numbers(sweep.metric.test))
    columns = {
        "seeds": texts(_of(len(cell.finished), len(cell.runs)) for cell in cells),
        f"{in_words(sweep.metric.test)} [95%]": _metric(sweep, sweep.metric.name),
    }
    if len(cells) > 1:
        columns["difference to baseline [95%]"] = [_difference(sweep, cell, places) for cell in cells]
    columns["step, ms"] = numbers(statistics.medians(sweep.cells, _STEP), better="lower")
    columns["sort's share"] = _percents(statistics.medians(sweep.cells, "sort_fraction"))
    if target is not None:
        seconds = [statistics.arrivals(cell, sweep.metric, target)["seconds"].median() for cell in cells]
        columns[f"s to {target:g}"] = numbers(seconds, better="lower")
    return cell_table(cells, columns)


def metrics_table(sweep: Sweep) -> Table | None:
    """Returns everything measured on the test data; None if that is the headline metric alone."""
    keys = dict.fromkeys(
        key for run in sweep.finished for key in run.summary or {} if key.startswith("test_")
    )
    known = [key for key in keys if any(run.number(key) is not None for run in sweep.finished)]
    columns = {in_words(key): _metric(sweep, key.removeprefix("test_")) for key in known}
    return cell_table(sweep.cells, columns) if len(columns) > 1 else None


def noise_table(sweep: Sweep) -> Table | None:
    """Returns the noise of the gradient at each evaluation; None where no run has measured it."""
    keys = dict.fromkeys(key for run in sweep.finished for key in run.summary or {} if key.startswith(_NOISE))
    columns = {f"step {key.removeprefix(_NOISE)}": _estimates(sweep, key, "lower") for key in keys}
    return cell_table(sweep.cells, columns) if columns else None


def milestones_table(sweep: Sweep) -> Table | None:
    """Returns the metric at the first, tenth and last evaluation that all runs share; None of fewer."""
    key, higher = sweep.metric.validation, sweep.metric.higher_is_better
    curves = [[run.curve(key)["value"] for run in cell.finished.values()] for cell in sweep.cells]
    evaluated = sorted(set.intersection(*(set(curve.index) for members in curves for curve in members)))
    if len(evaluated) <= _LATER:
        return None
    columns = {}
    for step in (evaluated[_EARLY - 1], evaluated[_LATER - 1], evaluated[-1]):
        found = [[float(curve[step]) for curve in members] for members in curves]
        places = decimals(value for values in found for value in values)
        estimates = [statistics.mean_estimate(values) for values in found]
        columns[f"step {step}"] = intervals(estimates, places, better="higher" if higher else "lower")
    return cell_table(sweep.cells, columns)


def targets_table(sweep: Sweep, target: float) -> Table:
    """Returns how many runs of each cell reach the target, and when."""
    there = [statistics.arrivals(cell, sweep.metric, target) for cell in sweep.cells]
    seconds = [found["seconds"] for found in there]
    columns = {
        "runs there": texts(
            f"{len(found)} of {len(cell.finished)}" for found, cell in zip(there, sweep.cells, strict=True)
        ),
        "steps": numbers([found.index.to_series().median() for found in there], 0, better="lower"),
        "seconds": numbers([found.median() for found in seconds], better="lower"),
        "soonest, s": numbers([found.min() for found in seconds]),
        "latest, s": numbers([found.max() for found in seconds]),
    }
    return cell_table(sweep.cells, columns)


def speed_table(sweep: Sweep) -> Table:
    """Returns the time of a step, split into sort and rest, compile time and memory."""
    steps, shares = statistics.medians(sweep.cells, _STEP), statistics.medians(sweep.cells, "sort_fraction")
    ratios = [statistics.ratio_estimate(cell, _STEP) for cell in sweep.cells]
    compared = intervals(ratios, decimals(ratio.mean for ratio in ratios))
    columns = {
        "step, ms": numbers(steps, better="lower"),
        "sort, ms": numbers(steps * shares, alike=steps),
        "rest, ms": numbers(steps - steps * shares, alike=steps),
        "sort's share": _percents(shares),
        "step / baseline [95%]": [
            "baseline" if cell is cell.baseline else entry
            for cell, entry in zip(sweep.cells, compared, strict=True)
        ],
        "compilation, s": numbers(statistics.medians(sweep.cells, "compile_time_s")),
        "memory of a step, MB": numbers(statistics.medians(sweep.cells, "step_memory_mb"), better="lower"),
        "parameters": numbers(statistics.medians(sweep.cells, "parameters"), 0),
    }
    return cell_table(sweep.cells, columns)


def losses_table(sweep: Sweep) -> Table | None:
    """Returns the differences of loss curves between sorts; None if no cells differ in the sort alone."""
    found = statistics.loss_differences(sweep.cells)
    columns = {
        "cell": texts(difference.second.label for difference in found),
        "compared with": texts(difference.first.label for difference in found),
        "seeds": numbers([difference.seeds for difference in found], 0),
        "losses": numbers([difference.losses for difference in found], 0),
        "largest difference": texts(
            "one is NaN" if math.isnan(difference.largest) else f"{difference.largest:.2g}"
            for difference in found
        ),
        "first at step": numbers([difference.first_step for difference in found], 0),
    }
    return Table(columns, words=2) if found else None


def runs_table(sweep: Sweep, output: Path) -> Table:
    """Returns what came of each run and when, and links to its files, as seen from a folder."""
    runs = sweep.runs
    spent = [run.number("duration_s") for run in runs]
    words = {
        "run": [_link(run.name, run.path, output) for run in runs],
        "outcome": texts(map(_outcome, runs)),
        "date": texts(map(date_of, runs)),
        "revision": texts(map(_revision, runs)),
        "files": [_files(run, output) for run in runs],
    }
    columns = words | {
        in_words(sweep.metric.test): numbers([run.number(sweep.metric.test) for run in runs]),
        "best step": numbers([run.number("best_step") for run in runs], 0),
        "duration": texts(None if seconds is None else duration(seconds) for seconds in spent),
    }
    told = {name: found for name, found in columns.items() if {*found} - {ABSENT, ""}}
    return Table(told, words=len(words.keys() & told.keys()))


def date_of(run: Run) -> str | None:
    """Returns when a run finished, to the minute; None if its summary does not tell."""
    date = run.fact("date")
    return date and date[:16].replace("T", " ")


def duration(seconds: float) -> str:
    """Returns a duration as hours, minutes and seconds.

    >>> duration(3724.6)
    '1:02:05'
    """
    if not abs(seconds) < 1e12:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _percents(shares: pd.Series) -> list[str]:
    return entries(shares, [f"{share:.0%}" for share in shares])


def _metric(sweep: Sweep, name: str) -> list[str]:
    better: Better | None = (
        "higher" if name.endswith("accuracy") else "lower" if name.endswith("loss") else None
    )
    if name == sweep.metric.name:
        better = "higher" if sweep.metric.higher_is_better else "lower"
    return _estimates(sweep, f"test_{name}", better)


def _estimates(sweep: Sweep, key: str, better: Better | None) -> list[str]:
    """A number of the summaries: its mean over the seeds of each cell, and the interval."""
    found = [cell.numbers(key) for cell in sweep.cells]
    places = decimals(value for values in found for value in values)
    return intervals([statistics.mean_estimate(values) for values in found], places, better=better)


def _difference(sweep: Sweep, cell: Cell, places: int) -> str:
    if cell is cell.baseline:
        return "baseline"
    differences = statistics.paired_differences(cell, sweep.metric.test)
    (entry,) = intervals([statistics.mean_estimate(differences)], places, signed=True)
    partly = len(differences) not in (0, len(cell.finished))
    return f"{entry} ({len(differences)} seeds)" if partly else entry


def _of(count: int, total: int) -> str:
    return str(count) if count == total else f"{count} of {total}"


def _outcome(run: Run) -> str:
    if run.summary is None:
        return "failed" if run.error else "unfinished"
    stopped = run.number("stopped_at")
    return "finished" if stopped is None else f"stopped at step {stopped:,.0f}"


def _revision(run: Run) -> str | None:
    commit, dash, rest = (run.fact("git_revision") or "").partition("-")
    return f"{commit[:10]}{dash}{rest}" or None


def _files(run: Run, output: Path) -> str:
    names = {
        "config": f"{HYDRA}/config.yaml",
        "curves": CURVES_FILE,
        "picture": PICTURE_FILE,
        "error": ERROR_FILE,
    }
    paths = {label: run.path / name for label, name in names.items()}
    return " ".join(_link(label, path, output) for label, path in paths.items() if path.is_file())


def _link(text: str, path: Path, output: Path) -> str:
    address = quote(os.fsencode(os.path.relpath(path.resolve(), output.resolve())))
    return f"[{texts([text])[0]}]({address})"
