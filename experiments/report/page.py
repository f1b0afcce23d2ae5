"""Writes the report on a sweep: a page, the same as Markdown, and the numbers of its runs."""

import html
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from experiments.errors import UserError
from experiments.files import write_bytes, write_text
from experiments.report import figures, tables
from experiments.report.drawing import drawing_settings
from experiments.report.formatting import table_markdown
from experiments.report.load import SEED
from experiments.report.statistics import default_target
from experiments.report.sweep import Sweep, counted, environments, in_words, load_sweep, same_everywhere

MARKDOWN_FILE, PAGE_FILE, RUNS_FILE, FIGURES = "report.md", "report.html", "report.csv", "report-figures"

_SCRIPT = "python scripts/train.py"
_FEW_SEEDS = 10
_MOST_PROBLEMS = 100
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would compute
_CODE = re.compile(r"(`[^`]+`)")


def write_report(
    directory: Path, output: Path, baseline: str | None = None, target: float | None = None
) -> str:
    """Writes the report: a page, the same as Markdown, and what went into it.

    The page is report.html, the other report.md, with its figures in report-figures, for papers as PDF too;
    the numbers of all runs are in report.csv.

    Args:
        directory: any tree with the output directories of runs in it, or one of these.
        output: to write to; made where it does not exist.
        baseline: `column=value`, several separated by commas; the first cell with a result if None.
        target: value of the headline metric on the validation data, to be reached; chosen if None.

    Returns:
        The headline table, and how many problems there are.

    Raises:
        UserError: there is nothing to report on, no such baseline, or nowhere to write to.
    """
    sweep = load_sweep(directory, baseline)
    aim = default_target(sweep.finished, sweep.metric) if target is None else target
    with drawing_settings():
        along = [figures.along_figure(sweep, column) for column in figures.numeric_columns(sweep)]
        results, curves = figures.results_figure(sweep), figures.curves_figure(sweep)
        speed = figures.speed_figure(sweep, aim)
    content: dict[str, Any] = {
        "sweep": sweep,
        "target": aim,
        "tables": {  # made once, for the page and for Markdown
            "headline": (headline := tables.headline_table(sweep, aim)),
            "metrics": tables.metrics_table(sweep),
            "milestones": tables.milestones_table(sweep),
            "targets": None if aim is None else tables.targets_table(sweep, aim),
            "speed": tables.speed_table(sweep),
            "losses": tables.losses_table(sweep),
            "runs": tables.runs_table(sweep, output),
        },
        "few_seeds": _FEW_SEEDS,
        "baseline_given": baseline is not None,
        "target_given": target is not None,
        "pictures": {"results": results, "along": along, "curves": curves, "speed": speed},
        "problems": problem_points(sweep),
        "unreadable": sum("left out, since" in problem.what for problem in sweep.problems),
        "shared": same_everywhere(sweep.runs),
        "provenance": provenance_points(sweep),
        "sweep_commands": [f"{_SCRIPT} -m {shlex.join(m.overrides)}".rstrip() for m in sweep.multiruns],
        "run_commands": [f"{_SCRIPT} {shlex.join(run.overrides)}".rstrip() for run in sweep.runs],
    }
    drawn = [results, *along, curves, speed]
    try:
        if (output / FIGURES).is_symlink():
            (output / FIGURES).unlink()  # replaced as files are, and not followed
        (output / FIGURES).mkdir(parents=True, exist_ok=True)
        for picture in filter(None, drawn):
            write_text(output / FIGURES / f"{picture.name}.svg", picture.svg)
            write_bytes(output / FIGURES / f"{picture.name}.pdf", picture.pdf)
        write_text(output / MARKDOWN_FILE, _rendered("page.md.j2", _markdown, content))
        write_text(output / PAGE_FILE, _rendered("page.html.j2", _html, content))
        write_text(output / RUNS_FILE, runs_csv(sweep))
    except OSError as error:
        raise UserError(f"{output}: cannot write to it ({error.strerror}).") from error
    found = f"{len(sweep.problems)} problems, listed in the report; " if sweep.problems else ""
    return f"{table_markdown(headline)}\n\n{found}wrote {output / PAGE_FILE} and {MARKDOWN_FILE}"


def runs_csv(sweep: Sweep) -> str:
    """Returns a row for each finished run: what tells its cell apart, its seed, and its summary's numbers."""
    rows = []
    for cell in sweep.cells:
        for run in cell.finished.values():
            words = {key: _harmless(value) for key, value in (cell.values | {SEED: run.seed}).items()}
            found = {key: run.number(key) for key in run.summary or {} if key not in words}
            rows.append(words | {key: number for key, number in found.items() if number is not None})
    return pd.DataFrame(rows).rename(columns=_harmless).to_csv(index=False, lineterminator="\n")


def problem_points(sweep: Sweep) -> list[str]:
    """Returns what is missing or broken, each thing once."""
    where: dict[str, list[str]] = {}
    for problem in sweep.problems:
        where.setdefault(problem.what, []).append(problem.where)
    points = [f"{_named(names)}: {what}." for what, names in where.items()]
    left_out = len(points) - _MOST_PROBLEMS
    return points if left_out <= 0 else [*points[:_MOST_PROBLEMS], f"And {left_out} more."]


def provenance_points(sweep: Sweep) -> list[str]:
    """Returns when and on what the runs were made."""
    points = []
    for part, values in environments(sweep.finished).items():
        shares = [f"`{value}`" + f" in {counted(n)}" * (len(values) > 1) for value, n in values.items()]
        points.append(f"{part}: {'; '.join(shares)}")
    if dates := sorted({date for run in sweep.finished if (date := tables.date_of(run))}):
        points.append(
            "finished: " + " to ".join(f"`{date}`" for date in dict.fromkeys((dates[0], dates[-1])))
        )
    if spent := [s for run in sweep.finished if (s := run.number("duration_s")) is not None]:
        points.append(f"duration of all runs together: {tables.duration(sum(spent))}")
    return points


def _rendered(template: str, text: Callable[[str], str], content: dict[str, Any]) -> str:
    environment = jinja2.Environment(  # noqa: S701 (every text goes through a filter that escapes it)
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "text": lambda words: text(" ".join(words.split())),
        "table": lambda table: table_markdown(table, text, marked=True),
        "anchor": lambda title: re.sub(r"\W+", "-", title.lower()),
        "words": in_words,
    }
    page = environment.get_template(template).render(**content, folder=FIGURES, runs_file=RUNS_FILE)
    return re.sub(r"\n{3,}", "\n\n", page).rstrip() + "\n"


def _html(text: str) -> str:
    return _CODE.sub(lambda code: f"<code>{code[0][1:-1]}</code>", html.escape(text))


def _markdown(text: str) -> str:
    """Text in which nothing but code means anything, to HTML neither."""
    parts = [html.escape(part, quote=False) for part in _CODE.split(text)]
    codes = [part if "&" not in part else f"<code>{part[1:-1]}</code>" for part in parts[1::2]]
    plain = [part.replace("](", "]\\(") for part in parts[::2]]
    return "".join(p + c for p, c in zip(plain, [*codes, ""], strict=True))


def _harmless(text: str) -> str:
    """Text that a spreadsheet takes for text, with an apostrophe before what it would compute."""
    try:
        float(text)
    except ValueError:
        return f"'{text}" if text.startswith(_FORMULA) else text
    return text


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(f"`{name}`" for name in names[:3]) + more
