"""What a sweep found: its runs' summaries, and a table of them."""

import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from experiments.errors import UserError

SUMMARY_FILE = "summary.json"


def read_summaries(directory: Path) -> list[dict[str, Any]]:
    """Returns the summaries of all finished runs below a directory, in the order of their paths.

    Raises:
        UserError: there is no such directory, or no finished run in it.
    """
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory; give the output directory of a sweep.")
    summaries = [json.loads(path.read_text()) for path in sorted(directory.rglob(SUMMARY_FILE))]
    if not summaries:
        raise UserError(f"{directory}: no finished run in it (no {SUMMARY_FILE}).")
    return summaries


def accuracy_table(summaries: list[dict[str, Any]]) -> str:
    """Returns a Markdown table, a row for each model, sort and dataset: means over the seeds, best first.

    Test accuracy comes with its standard deviation over seeds where there are several; the step time is
    the median over seeds of each run's median.
    """
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for summary in summaries:
        groups[summary["model"], summary["sort"], summary["data"]].append(summary)
    rows = sorted(groups.items(), key=lambda item: -_mean(item[1], "test_accuracy"))
    lines = [
        "| model | sort | data | seeds | test accuracy | step, ms | sort's share |",
        "|---|---|---|---|---|---|---|",
    ]
    for (model, sort, data), runs in rows:
        share = [run["sort_fraction"] for run in runs if run["sort_fraction"] is not None]
        cells = (
            model,
            sort if any(share) or not share else "none",
            data,
            str(len(runs)),
            _accuracy([run["test_accuracy"] for run in runs]),
            f"{statistics.median(run['step_time_ms'] for run in runs):.1f}",
            f"{statistics.fmean(share):.0%}" if share else "",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(runs: list[dict[str, Any]], key: str) -> float:
    return statistics.fmean(run[key] for run in runs)


def _accuracy(values: list[float]) -> str:
    mean = f"{statistics.fmean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean
