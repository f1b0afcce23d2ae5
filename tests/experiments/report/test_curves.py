"""The metric early, later and in the end, of curves written by hand; and baselines of their own."""

import json
from pathlib import Path

from experiments.report.content import Table
from experiments.report.sections.curves import curves_section
from experiments.report.sections.results import headline_table
from experiments.report.sweep import load_sweep
from tests.experiments.report.conftest import write_run


def table_of(section):
    return next(block for block in section.blocks if isinstance(block, Table))


def write_curves(sweep: Path, evaluations: int) -> None:
    """Validation accuracy of step/100 for manual, and of half of that for builtin, at all even steps."""
    for path in sweep.rglob("summary.json"):
        factor = 1.0 if "manual" in path.parent.name else 0.5
        rows = [
            {"step": 2 * i, "validation_accuracy": factor * 2 * i / 100} for i in range(1, evaluations + 1)
        ]
        (path.parent / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")


def test_first_tenth_and_last_evaluation(sweep: Path) -> None:
    write_curves(sweep, 30)
    table = table_of(curves_section(load_sweep(sweep)))
    assert tuple(table.header[-3:]) == ("step 2", "step 20", "step 60")
    rows = {row[0]: [value.split(" ")[0] for value in row[-3:]] for row in table.rows}
    assert rows["manual"] == ["0.0200", "0.200", "0.600"]
    assert rows["builtin"] == ["0.0100", "0.100", "0.300"]


def test_few_evaluations_make_no_table(sweep: Path) -> None:
    write_curves(sweep, 10)
    assert not any(isinstance(block, Table) for block in curves_section(load_sweep(sweep)).blocks)


def test_a_baseline_for_each_that_is_like_it(tmp_path: Path) -> None:
    found = {("a", "mean"): 0.5, ("a", "other"): 0.75, ("b", "mean"): 0.25, ("b", "other"): 0.125}
    for number, ((data, loss), accuracy) in enumerate(found.items()):
        write_run(tmp_path, number, {"data": data, "loss": loss}, {}, {"test_accuracy": accuracy})
    table = headline_table(load_sweep(tmp_path, baseline="loss=mean"))
    at = list(table.header).index("difference to baseline [95%]")
    assert [row[at] for row in table.rows] == ["baseline", "+0.250", "baseline", "−0.125"]
