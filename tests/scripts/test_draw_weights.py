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


def test_what_is_drawn_is_what_the_page_shows(script):
    drawn = {path.stem for path in script["FIGURES"].glob("*.svg")}
    assert drawn == {*script["STATISTICS"], *script["BETWEEN_SAMPLES"]}
