"""How Sphinx makes the site: `python -m sphinx -W docs docs/_build/html`."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

import diffsort

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "diffsort"
author = "The diffsort authors"
copyright = f"2026, {author}"  # noqa: A001
release = version = diffsort.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "dark_pictures",
    "markdown_docstrings",
    "readable_signatures",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
]
# What is no page by itself; studies/index.md includes the last.
exclude_patterns = ["_build", "_extensions", "conf.py", "studies/README.md"]

html_theme = "furo"
html_title = "diffsort"
html_static_path = ["_static"]
html_css_files = ["dark.css"]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "dollarmath", "html_image"]
myst_heading_anchors = 3

# Tutorials run when the site is built, each in a process of its own; one that fails, fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_custom_formats = {".py": "percent_scripts.read"}

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"

templates_path = ["_templates"]
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {name: name for name in ("ArrayLike", "DTypeLike", "ImplementationLike")}
autodoc_typehints_format = "short"
maximum_signature_line_length = 90
napoleon_custom_sections = [("Attributes", "params_style")]
napoleon_use_rtype = False
default_role = "py:obj"


def setup(app: Sphinx) -> None:
    """Lets reports of studies be reached from their study alone."""
    app.connect("source-read", lambda _, name, source: name.endswith("/report") and _orphan(source))


def _orphan(source: list[str]) -> None:
    source[0] = f"---\norphan: true\n---\n{source[0]}"
