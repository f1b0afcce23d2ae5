"""Writes the report on a sweep: a page, the same as Markdown, and the numbers of its runs."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pandas as pd
from markdown_it import MarkdownIt

from experiments.errors import UserError
from experiments.files import write_bytes, write_text
from experiments.report import figures, tables
from experiments.report.drawing import Picture, drawing_settings
from experiments.report.formatting import escaped, table_markdown
from experiments.report.load import SEED
from experiments.report.statistics import default_target
from experiments.report.sweep import Sweep, counted, environments, in_words, load_sweep, same_everywhere

MARKDOWN_FILE, PAGE_FILE, RUNS_FILE, FIGURES = "report.md", "report.html", "report.csv", "report-figures"

_MOST_PROBLEMS = 100
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would compute


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
    drawn: list[Picture] = []  # by the template, as it comes to them
    with drawing_settings():
        markdown = _TEMPLATES.get_template("page.md.j2").render(
            sweep=sweep,
            target=aim,
            output=output,
            drawn=drawn,
            folder=FIGURES,
            baseline_given=baseline is not None,
            target_given=target is not None,
        )
    markdown = re.sub(r"\n{3,}", "\n\n", markdown).rstrip() + "\n"
    try:
        if (output / FIGURES).is_symlink():
            (output / FIGURES).unlink()  # replaced as files are, and not followed
        (output / FIGURES).mkdir(parents=True, exist_ok=True)
        for picture in drawn:
            write_text(output / FIGURES / f"{picture.name}.svg", picture.svg)
            write_bytes(output / FIGURES / f"{picture.name}.pdf", picture.pdf)
        write_text(output / MARKDOWN_FILE, markdown)
        write_text(output / PAGE_FILE, _as_page(markdown, drawn))
        write_text(output / RUNS_FILE, runs_csv(sweep))
    except OSError as error:
        raise UserError(f"{output}: cannot write to it ({error.strerror}).") from error
    found = f"{len(sweep.problems)} problems, listed in the report; " if sweep.problems else ""
    headline = table_markdown(tables.headline_table(sweep, aim))
    return f"{headline}\n\n{found}wrote {output / PAGE_FILE} and {MARKDOWN_FILE}"


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


def _as_page(markdown: str, drawn: Sequence[Picture]) -> str:
    """The Markdown as a page that needs no other file: its figures are in it."""
    svg = {f"{FIGURES}/{picture.name}.svg": picture.svg for picture in drawn}
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")  # all HTML in it is ours
    text = parser.render(markdown).replace(' style="text-align:right"', ' class="number"')
    text = text.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    for name in (sections := re.findall("<h2>(.*)</h2>", text)):
        text = text.replace(f"<h2>{name}</h2>", f'<h2 id="{_anchor(name)}">{name}</h2>')
    text = re.sub(r'<p><img src="(.*?)".*></p>', lambda found: f"<figure>{svg[found[1]]}</figure>", text)
    heading, body = text.split("\n", 1)
    return _TEMPLATES.get_template("page.html.j2").render(
        heading=heading, sections=sections, body=body, runs_file=RUNS_FILE
    )


def _anchor(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower())


_TEMPLATES = jinja2.Environment(  # noqa: S701 (every text goes through a filter that escapes it)
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATES.globals.update(
    figures=figures,
    tables=tables,
    problem_points=problem_points,
    provenance_points=provenance_points,
    same_everywhere=same_everywhere,
)
_TEMPLATES.filters.update(
    anchor=_anchor,
    paragraph=lambda words: f"{escaped(words)}\n\n",
    shell=shlex.join,
    table=table_markdown,
    text=escaped,
    words=in_words,
)


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
