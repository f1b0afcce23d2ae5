"""Writes the report on a sweep."""

from pathlib import Path

from experiments.errors import UserError
from experiments.report.content import Picture, Report, Section
from experiments.report.sections.along import along_section
from experiments.report.sections.curves import curves_section
from experiments.report.sections.losses import losses_section
from experiments.report.sections.problems import problems_section
from experiments.report.sections.provenance import provenance_section
from experiments.report.sections.results import headline_table, results_section
from experiments.report.sections.speed import speed_section
from experiments.report.sections.targets import targets_section
from experiments.report.sweep import Sweep, load_sweep
from experiments.report.to_csv import runs_csv
from experiments.report.to_html import report_html
from experiments.report.to_markdown import report_markdown, table_markdown

MARKDOWN_FILE, PAGE_FILE, RUNS_FILE, FIGURES = "report.md", "report.html", "report.csv", "report-figures"


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
    sweep = load_sweep(directory, baseline, target)
    report = make_report(sweep)
    pictures = [block for s in report.sections for block in s.blocks if isinstance(block, Picture)]
    try:
        (output / FIGURES).mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            path = output / FIGURES / picture.name
            path.with_suffix(".svg").write_text(picture.svg, encoding="utf-8")
            path.with_suffix(".pdf").write_bytes(picture.pdf)
        (output / MARKDOWN_FILE).write_text(report_markdown(report, FIGURES), encoding="utf-8")
        (output / PAGE_FILE).write_text(report_html(report), encoding="utf-8")
        (output / RUNS_FILE).write_text(runs_csv(sweep), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output}: cannot write to it ({error.strerror}).") from error
    found = f"{len(sweep.problems)} problems, listed in the report; " if sweep.problems else ""
    return f"{table_markdown(headline_table(sweep))}\n\n{found}wrote {output / PAGE_FILE} and {MARKDOWN_FILE}"


def make_report(sweep: Sweep) -> Report:
    """Returns the report on a sweep."""
    sections: list[Section | None] = [
        problems_section(sweep),
        results_section(sweep),
        along_section(sweep),
        curves_section(sweep),
        targets_section(sweep),
        speed_section(sweep),
        losses_section(sweep),
        provenance_section(sweep),
    ]
    varying = ", ".join(f"`{column}`" for column in sweep.columns)
    summary = f"Finished runs: {len(sweep.finished)} of {len(sweep.runs)}. Cells: {len(sweep.cells)}"
    summary += f", told apart by {varying}." if varying else "."
    title = f"Report on {sweep.directory.resolve().name}"
    return Report(
        title,
        summary,
        [section for section in sections if section is not None],
    )
