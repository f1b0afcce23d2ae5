"""A report as Markdown."""

from collections.abc import Sequence

from experiments.report.content import Block, Commands, Listing, Picture, Report, Section, Table


def report_markdown(report: Report, figures: str) -> str:
    """Returns the report as Markdown.

    Args:
        report: the report.
        figures: the folder of its figures, as seen from the file.
    """
    parts = [f"# {report.title}", report.summary]
    parts += [_section(section, figures) for section in report.sections]
    return "\n\n".join(parts) + "\n"


def table_markdown(table: Table) -> str:
    """Returns a table as Markdown that aligns on a screen too.

    >>> print(table_markdown(Table(("model", "ms"), [("maxpool", "10.5"), ("dgcnn", "4.0")], words=1)))
    | model   |   ms |
    |:--------|-----:|
    | maxpool | 10.5 |
    | dgcnn   |  4.0 |
    """
    rows = [[text.replace("|", "\\|") for text in row] for row in (table.header, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = [index < table.words for index in range(len(widths))]
    lines = [_row(row, widths, left) for row in rows]
    rule = "|".join(
        f":{'-' * (width + 1)}" if words else f"{'-' * (width + 1)}:"
        for width, words in zip(widths, left, strict=True)
    )
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def _row(texts: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    padded = [
        text.ljust(width) if words else text.rjust(width)
        for text, width, words in zip(texts, widths, left, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _section(section: Section, figures: str) -> str:
    return "\n\n".join([f"## {section.title}", *(_block(block, figures) for block in section.blocks)])


def _block(block: Block, figures: str) -> str:
    match block:
        case Table():
            return table_markdown(block)
        case Picture():
            return f"![{block.caption}]({figures}/{block.name}.svg)\n\n{block.caption}"
        case Listing():
            return "\n".join(f"- {point}" for point in block.points)
        case Commands():
            return "\n".join(["```sh", *block.lines, "```"])
        case str():
            return block
