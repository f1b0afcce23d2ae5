"""The documentation has a page for every public name."""

import importlib
import re
from pathlib import Path

import diffsort
import experiments

API = Path(__file__).parents[1] / "docs" / "api"


def pages() -> list[str]:
    """The names that autosummary makes pages for."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(API.glob("*.md")))
    blocks = re.findall(r"\.\. autosummary::\n(.*?)```", text, flags=re.DOTALL)
    return [name for block in blocks for name in re.findall(r"^ +([\w.]+)$", block, flags=re.MULTILINE)]


def public_names() -> set[str]:
    """What diffsort and its submodules export; what both do, under the shorter name."""
    names = {f"diffsort.{name}" for name in diffsort.__all__}
    for module in map(importlib.import_module, (f"diffsort.{name}" for name in diffsort._SUBMODULES)):
        names |= {
            f"{module.__name__}.{name}"
            for name in module.__all__
            if getattr(module, name) is not getattr(diffsort, name, None)
        }
    return names | {f"experiments.{name}" for name in experiments.__all__} | {"diffsort.info"}


def test_every_public_name_has_one_page_and_nothing_else_has() -> None:
    listed = pages()
    assert len(listed) == len(set(listed))
    returned = {"experiments.training.loading.TrainedRun"}  # what load_run returns
    assert set(listed) == public_names() | returned
