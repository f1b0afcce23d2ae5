"""Sweeps over numbers: which columns they are, and the lines along them."""

from pathlib import Path

import pytest

from experiments.report.figures.along import along_figure
from experiments.report.numeric import lines_along, numeric_columns
from experiments.report.sweep import load_sweep
from experiments.report.writing import write_report
from tests.experiments.report.conftest import write_run


def write(directory: Path, number: int, rate: object, size: int, sort: str) -> None:
    """A run whose step takes a millisecond an element."""
    summary = {"test_accuracy": 0.5, "step_time_ms": float(size)}
    write_run(directory, number, {"sort": sort}, {"rate": rate, "size": size}, summary)


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Three sizes, begun with the greatest, by two rates and two sorts."""
    cases = [(rate, size, sort) for rate in (0.5, 1) for size in (1000, 10, 100) for sort in ("a", "b")]
    for number, case in enumerate(cases):
        write(tmp_path, number, *case)
    return tmp_path


def test_numbers_need_three_values_to_be_drawn_against(grid: Path) -> None:
    assert numeric_columns(load_sweep(grid)) == ["size"]
    write(grid, 12, "auto", 10, "a")
    write(grid, 13, 2, 10, "a")
    assert numeric_columns(load_sweep(grid)) == ["size"]  # auto is no number


def test_values_that_come_once_each_make_no_line(tmp_path: Path) -> None:
    """As in a random search."""
    for number, (rate, size) in enumerate([(0.1, 10), (0.2, 20), (0.3, 30), (0.4, 40)]):
        write(tmp_path, number, rate, size, "a")
    assert numeric_columns(load_sweep(tmp_path)) == []


def test_many_values_are_not_all_named(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path, number, 1, number + 1, "a")
    left, _ = along_figure(load_sweep(tmp_path), "size").axes
    assert len(left.get_xticks()) < 15


def test_lines_differ_in_the_others_and_are_in_order(grid: Path) -> None:
    lines = lines_along(load_sweep(grid), "size")
    assert [line.label for line in lines] == ["rate=0.5, a", "rate=0.5, b", "rate=1, a", "rate=1, b"]
    for line in lines:
        assert [value for value, _ in line.points] == [10, 100, 1000]
        assert all(cell.values["size"] == f"{value:g}" for value, cell in line.points)


def test_the_figure_draws_each_line(grid: Path) -> None:
    left, right = along_figure(load_sweep(grid), "size").axes
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["10", "100", "1000"]
    curves = [line.get_xydata().tolist() for line in right.lines if len(line.get_xdata()) == 3]
    assert curves == [[[10, 10], [100, 100], [1000, 1000]]] * 4
    assert right.get_yscale() == right.get_xscale() == "log"
    assert left.get_yscale() == "linear"


def test_the_report_shows_it(grid: Path) -> None:
    write_report(grid, grid)
    assert "](report-figures/along-size.svg)" in (grid / "report.md").read_text(encoding="utf-8")
    assert (grid / "report-figures" / "along-size.svg").is_file()
