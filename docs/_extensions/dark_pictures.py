"""Pictures with a dark form, for GitHub a `<picture>`: two images, of which the theme shows one."""

import re
from typing import Any

from sphinx.application import Sphinx

_PICTURE = re.compile(
    r'<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="(?P<dark>[^"]+)">\s*'
    r'<img alt="(?P<alt>[^"]+)" src="(?P<light>[^"]+)">\s*</picture>'
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Rewrites each page as it is read."""
    app.connect("source-read", _rewrite)
    return {"parallel_read_safe": True}


def _rewrite(app: Sphinx, name: str, source: list[str]) -> None:
    del app, name
    source[0] = _PICTURE.sub(
        r"![\g<alt>](\g<light>){.only-light}" "\n" r"![\g<alt>](\g<dark>){.only-dark}", source[0]
    )
