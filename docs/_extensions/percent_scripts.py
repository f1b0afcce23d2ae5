"""Python scripts with `# %%` between their cells, as notebooks."""

from typing import Any

import jupytext


def read(text: str) -> Any:
    """Returns the notebook, which says what it is written in: its code has colours without being run."""
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook
