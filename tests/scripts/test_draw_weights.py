import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "draw_weights.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


def test_every_op_gets_a_figure_of_its_own_and_the_same_every_time(script, tmp_path):
    paths = script["draw_weights"](tmp_path)
    assert {path.stem for path in paths} == {*script["STATISTICS"], *script["BETWEEN_SAMPLES"]}
    figures = [path.read_text() for path in paths]
    assert len(set(figures)) == len(figures)
    assert [path.read_text() for path in script["draw_weights"](tmp_path)] == figures


def test_the_page_shows_every_figure(script):
    shown = script["FIGURES"].with_suffix(".md").read_text(encoding="utf-8")
    for name in (*script["STATISTICS"], *script["BETWEEN_SAMPLES"]):
        assert f"order-statistics/{name}.svg" in shown
        assert (script["FIGURES"] / f"{name}.svg").is_file()
