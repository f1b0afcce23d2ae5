"""A report as one page of HTML that needs no other file."""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from experiments.report.content import Block, Commands, Listing, Picture, Report, Section, Table

_STYLE = Path(__file__).with_name("page.css")

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header>
<h1>{title}</h1>
<p>{summary}</p>
<nav>{contents}</nav>
</header>
{sections}
</main>
</body>
</html>
"""


def report_html(report: Report) -> str:
    """Returns the report as a page with its style and figures inside."""
    links = (f'<a href="#{_anchor(s)}">{escape(s.title)}</a>' for s in report.sections)
    return _PAGE.format(
        title=escape(report.title),
        style=_STYLE.read_text(encoding="utf-8"),
        summary=_text(report.summary),
        contents=" ".join(links),
        sections="\n".join(map(_section, report.sections)),
    )


def _section(section: Section) -> str:
    inside = "\n".join(map(_block, section.blocks))
    return f'<section id="{_anchor(section)}">\n<h2>{escape(section.title)}</h2>\n{inside}\n</section>'


def _block(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case Picture():
            return _figure(block)
        case Listing():
            return "<ul>\n" + "\n".join(f"<li>{_text(point)}</li>" for point in block.points) + "\n</ul>"
        case Commands():
            return f"<pre>{escape(chr(10).join(block.lines))}</pre>"
        case str():
            return f"<p>{_text(block)}</p>"


def _figure(picture: Picture) -> str:
    """As an image, so that identifiers in one figure cannot clash with those in another."""
    content = base64.b64encode(picture.svg.encode()).decode()
    image = f'<img alt="{escape(picture.caption)}" src="data:image/svg+xml;base64,{content}">'
    caption = f"<figcaption>{_text(picture.caption)}</figcaption>"
    return f'<figure>\n<div class="wide">{image}</div>\n{caption}\n</figure>'


def _table(table: Table) -> str:
    head = _row(table.header, table.words, "th")
    body = "\n".join(_row(row, table.words, "td") for row in table.rows)
    return f'<div class="wide"><table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _row(texts: Sequence[str], words: int, tag: str) -> str:
    classes = ("" if index < words else ' class="number"' for index in range(len(texts)))
    cells = (f"<{tag}{c}>{escape(text)}</{tag}>" for c, text in zip(classes, texts, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _text(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _anchor(section: Section) -> str:
    return re.sub(r"\W+", "-", section.title.lower())
