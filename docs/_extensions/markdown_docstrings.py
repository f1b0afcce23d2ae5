"""Lets autodoc read the docstrings here, which hold formulas and tables as Markdown writes them.

In a terminal `$x_{(k)}$` and a table of bars read better than reStructuredText's markup. Before napoleon
takes the sections apart, this turns them into what Sphinx renders.
"""

import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Connects to autodoc, ahead of napoleon."""
    app.connect("autodoc-process-docstring", _to_restructuredtext, priority=400)
    return {"parallel_read_safe": True}


def _to_restructuredtext(*event: Any) -> None:
    lines: list[str] = event[-1]
    text = "\n".join(lines)
    text = re.sub(r"(?m)^( *)\$\$(.*?)\$\$( \.)?$", _displayed, text, flags=re.DOTALL)
    text = re.sub(r"\$([^$]+)\$", lambda found: f":math:`{_on_one_line(found[1])}`", text)
    lines[:] = _with_tables(text.split("\n"))


def _displayed(found: re.Match[str]) -> str:
    indent, formula, stop = found.groups()
    return f"\n{indent}.. math:: {_on_one_line(formula)}{stop or ''}\n"


def _on_one_line(formula: str) -> str:
    return " ".join(formula.split())


def _with_tables(lines: list[str]) -> Iterator[str]:
    """Yields the lines, rows between bars as a list-table."""
    in_table = False
    for line in lines:
        indent, row = re.fullmatch(r"( *)(.*)", line).groups()  # type: ignore[union-attr]
        if not row.startswith("| "):
            in_table = in_table and row.startswith("|-")
            if not in_table:
                yield line
            continue
        if not in_table:
            in_table = True
            yield from (f"{indent}.. list-table::", f"{indent}   :header-rows: 1", "")
        for number, cell in enumerate(row.strip("|").split(" | ")):
            yield f"{indent}   {'  ' if number else '* '}- {cell.strip()}"
