import re
import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "draw_relaxed.py"


def test_both_figures_have_a_panel_for_each_method(tmp_path: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    methods = {name: script["METHODS"][name] for name in ("lapsum", "softsort")}
    figures = [path.read_text() for path in script["draw_relaxed"](tmp_path, methods)]
    again = [path.read_text() for path in script["draw_relaxed"](tmp_path, methods)]
    assert figures == again
    for figure in figures:
        assert [name for name in re.findall(r"<!-- (\w+) -->", figure) if name in script["METHODS"]] == [
            *methods
        ]
    shown = [path.read_text() for path in sorted(script["FIGURES"].glob("*.svg"))]
    assert len(shown) == len(figures)
    for figure in shown:
        assert set(script["METHODS"]) <= set(re.findall(r"<!-- (\w+) -->", figure))
