"""Writes the report on a sweep: a page, the same as Markdown, and the numbers of its runs."""

import html
import os
import re
from pathlib import Path
from urllib.parse import quote

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from experiments.errors import UserError
from experiments.files import write_bytes, write_text
from experiments.report.drawing import Picture, drawing_settings
from experiments.report.load import SEED, Run
from experiments.report.sections import (
    Commands,
    Listing,
    Section,
    Target,
    date_of,
    duration,
    headline_table,
    make_sections,
    summary_of,
)
from experiments.report.sweep import Sweep, load_sweep
from experiments.report.tables import Entry, Table, numbers, table_markdown, texts
from experiments.run_directory import CURVES_FILE, ERROR_FILE, HYDRA, PICTURE_FILE

MARKDOWN_FILE, PAGE_FILE, RUNS_FILE, FIGURES = "report.md", "report.html", "report.csv", "report-figures"

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute
_BEGUN_CODE = re.compile(r"(`[^`]+`)")


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
    aim = Target.of(sweep, target)
    with drawing_settings():
        sections = make_sections(sweep, aim, runs_table(sweep, output))
    pictures = [block for section in sections for block in section.blocks if isinstance(block, Picture)]
    try:
        (output / FIGURES).mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            write_text(output / FIGURES / f"{picture.name}.svg", picture.svg)
            write_bytes(output / FIGURES / f"{picture.name}.pdf", picture.pdf)
        for name, template in ((MARKDOWN_FILE, "report.md.j2"), (PAGE_FILE, "page.html.j2")):
            write_text(output / name, _rendered(template, sweep, sections))
        write_text(output / RUNS_FILE, runs_csv(sweep))
    except OSError as error:
        raise UserError(f"{output}: cannot write to it ({error.strerror}).") from error
    found = f"{len(sweep.problems)} problems, listed in the report; " if sweep.problems else ""
    table = table_markdown(headline_table(sweep, aim))
    return f"{table}\n\n{found}wrote {output / PAGE_FILE} and {MARKDOWN_FILE}"


def runs_table(sweep: Sweep, output: Path) -> Table:
    """Returns a row for each run: what came of it and when, and where its files are, as seen from a folder."""
    runs = sweep.runs
    spent = [run.number("duration_s") for run in runs]
    columns = {
        "run": [Entry("", links=[(run.name, _address(run.path, output))]) for run in runs],
        "outcome": texts(_outcome(run) for run in runs),
        "date": texts(date_of(run) for run in runs),
        "revision": texts(_revision(run) for run in runs),
        "files": [Entry("", links=_files(run, output)) for run in runs],
        sweep.metric.test: numbers([run.number(sweep.metric.test) for run in runs]),
        "best step": numbers([run.number("best_step") for run in runs], 0),
        "duration": [Entry("–") if s is None else Entry(duration(s), s) for s in spent],
    }
    if not any(entry.value for entry in columns["best step"]):
        del columns["best step"]
    return Table(tuple(columns), [list(row) for row in zip(*columns.values(), strict=True)], words=5)


def runs_csv(sweep: Sweep) -> str:
    """Returns a row for each finished run: what tells its cell apart, its seed, and its summary's numbers."""
    rows = []
    for cell in sweep.cells:
        for run in cell.finished.values():
            known = {key: number for key in run.summary or {} if (number := run.number(key)) is not None}
            known.pop(SEED, None)
            rows.append(
                {**{k: _harmless(v) for k, v in cell.values.items()}, SEED: _harmless(run.seed), **known}
            )
    return pd.DataFrame(rows).rename(columns=_harmless).to_csv(index=False, lineterminator="\n")


def _rendered(template: str, sweep: Sweep, sections: list[Section]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=template.endswith("html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "page_text": _page_text,
        "markdown_text": _markdown_text,
        "markdown_table": lambda table: table_markdown(table, _markdown_text, marked=True),
        "anchor": lambda title: re.sub(r"\W+", "-", title.lower()),
        "drawing": Markup,  # Matplotlib has escaped what is in it
    }
    for kind in (Table, Picture, Listing, Commands):
        environment.tests[kind.__name__.lower()] = lambda block, kind=kind: isinstance(block, kind)
    title = f"Report on {sweep.directory.resolve().name}"
    return environment.get_template(template).render(
        title=title, summary=summary_of(sweep), sections=sections, figures=FIGURES, runs_file=RUNS_FILE
    )


def _page_text(text: str) -> Markup:
    return Markup(re.sub(_BEGUN_CODE, lambda code: f"<code>{code[0][1:-1]}</code>", str(escape(text))))  # noqa: S704


def _markdown_text(text: str) -> str:
    """Text in which nothing but code means anything, and that means nothing to HTML."""
    parts = _BEGUN_CODE.split(text)
    return "".join(_markdown_code(p) if i % 2 else _unmarked(p) for i, p in enumerate(parts))


def _markdown_code(code: str) -> str:
    return f"<code>{html.escape(code[1:-1], quote=False)}</code>" if re.search("[<&]", code) else code


def _unmarked(text: str) -> str:
    return html.escape(text, quote=False).replace("](", "]\\(")


def _harmless(text: str) -> str:
    """Text that a spreadsheet takes for text, with an apostrophe before what it would compute."""
    try:
        float(text)
    except ValueError:
        return f"'{text}" if text.startswith(_FORMULA) else text
    return text


def _outcome(run: Run) -> str:
    if run.summary is None:
        return "failed" if run.error else "unfinished"
    stopped = run.number("stopped_at")
    return "finished" if stopped is None else f"stopped at step {stopped:,.0f}"


def _revision(run: Run) -> str | None:
    revision = run.fact("git_revision")
    if revision is None:
        return None
    commit, dash, rest = revision.partition("-")
    return f"{commit[:10]}{dash}{rest}"


def _files(run: Run, output: Path) -> list[tuple[str, str]]:
    names = {
        "config": f"{HYDRA}/config.yaml",
        "curves": CURVES_FILE,
        "picture": PICTURE_FILE,
        "error": ERROR_FILE,
    }
    paths = {label: run.path / name for label, name in names.items()}
    return [(label, _address(path, output)) for label, path in paths.items() if path.is_file()]


def _address(path: Path, output: Path) -> str:
    return quote(os.fsencode(os.path.relpath(path.resolve(), output.resolve())))
