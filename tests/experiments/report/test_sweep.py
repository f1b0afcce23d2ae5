"""Cells, what they are compared with, and what runs disagree in."""

import dataclasses
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.report.statistics import default_target
from experiments.report.sweep import ABSENT, Metric, load_sweep, make_cells, same_everywhere, varying_columns
from tests.experiments.report.conftest import MakeRun, change_summary


def test_a_choice_stands_for_all_that_it_sets(make_run: MakeRun) -> None:
    runs = [make_run(model=model, sort=sort, seed=seed) for model in "ab" for sort in "xy" for seed in (0, 1)]
    assert varying_columns(runs) == ["model", "sort"]
    cells, problems = make_cells(runs, ("model", "sort"))
    assert [cell.label for cell in cells] == ["a, x", "a, y", "b, x", "b, y"]
    assert all(list(cell.runs) == ["0", "1"] for cell in cells)
    assert not problems


def test_a_key_overridden_is_a_column_even_where_a_choice_goes_with_it(make_run: MakeRun) -> None:
    runs = [make_run("trainer.steps=3", model="a"), make_run("trainer.steps=5", model="b")]
    assert varying_columns(runs) == ["model", "trainer.steps"]
    cells, _ = make_cells(runs, ("model", "trainer.steps"))
    assert [cell.label for cell in cells] == ["a, steps=3", "b, steps=5"]


def test_a_key_that_nothing_explains_is_a_column(make_run: MakeRun) -> None:
    first, second = make_run(model="a"), make_run(model="a", seed=1)
    second = dataclasses.replace(second, config={**second.config, "model.k": "3"})
    assert varying_columns([first, second]) == ["model.k"]
    cells, _ = make_cells([first, second], ("model.k",))
    assert [cell.values["model.k"] for cell in cells] == [ABSENT, "3"]


def test_paths_and_seeds_do_not_make_cells(make_run: MakeRun) -> None:
    runs = [make_run("data.directory=/a", seed=0), make_run("data.directory=/b", "trainer.resume=c", seed=1)]
    assert varying_columns(runs) == []
    (cell,), _ = make_cells(runs, ())
    assert cell.label == "all runs"
    assert same_everywhere(runs) == []


def test_what_is_the_same_everywhere_is_told_once(make_run: MakeRun) -> None:
    runs = [make_run("trainer.steps=3", model=model, data="digits") for model in ("a", "b")]
    assert same_everywhere(runs) == ["data=digits", "trainer.steps=3"]


def test_the_last_finished_of_equal_runs_counts(make_run: MakeRun) -> None:
    runs = [make_run(model="a") for _ in range(3)]
    runs = [dataclasses.replace(run, name=str(i)) for i, run in enumerate(runs)]
    runs[2] = dataclasses.replace(runs[2], summary=None)
    (cell,), problems = make_cells(runs, ("model",))
    assert [run.name for run in cell.runs.values()] == ["1"]
    assert [(p.where, p.what) for p in problems] == [
        ("2", "left out: 0 has the same settings and seed, and has finished"),
        ("0", "left out: 1 has the same settings and seed, and is later"),
    ]


def test_cells_and_baseline_are_found(sweep: Path) -> None:
    loaded = load_sweep(sweep)
    assert [cell.label for cell in loaded.cells] == ["manual", "builtin", "double_argsort"]
    assert [(len(cell.finished), len(cell.runs)) for cell in loaded.cells] == [(3, 3), (3, 3), (0, 1)]
    assert all(cell.baseline is loaded.cells[0] for cell in loaded.cells)
    assert loaded.metric == Metric("accuracy")
    assert default_target(loaded.finished, loaded.metric) == 0.82
    assert load_sweep(sweep, baseline="sort=builtin").baseline.label == "builtin"


def test_the_first_cell_with_a_result_is_the_baseline(sweep: Path) -> None:
    for seed in range(3):
        (sweep / f"manual-{seed}" / "summary.json").unlink()
    assert load_sweep(sweep).baseline.label == "builtin"


@pytest.mark.parametrize("wanted", ["sort=bultin", "model=sortpool", "sort", ""])
def test_a_baseline_that_is_none_is_refused(wanted: str, sweep: Path) -> None:
    message = rf"--baseline {wanted}: fits no cell; choose of sort=manual\|builtin\|double_argsort"
    with pytest.raises(UserError, match=message):
        load_sweep(sweep, baseline=wanted)


def test_runs_name_their_metric(sweep: Path) -> None:
    for sort in ("manual", "builtin"):
        for seed in range(3):
            changes = {"metric": "crps", "metric_is_better": "lower", "test_crps": 0.1 * (seed + 1)}
            change_summary(sweep / f"{sort}-{seed}", **changes)
    loaded = load_sweep(sweep)
    assert loaded.metric == Metric("crps", higher_is_better=False)
    numbers = loaded.cells[0].numbers(loaded.metric.test)
    assert numbers.to_dict() == pytest.approx({"0": 0.1, "1": 0.2, "2": 0.3})
    assert default_target(loaded.finished, loaded.metric) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"metric": "crps"}, "its metric is crps, not accuracy"),
        ({"test_accuracy": None}, "summary.json has no test_accuracy that is a number"),
        ({"test_accuracy": "NaN"}, "summary.json has no test_accuracy that is a number"),
    ],
)
def test_a_run_without_the_metric_is_named(changes: dict[str, object], complaint: str, sweep: Path) -> None:
    change_summary(sweep / "builtin-1", **changes)
    assert complaint in [p.what for p in load_sweep(sweep).problems if p.where == "builtin-1"]


def test_runs_that_differ_in_what_made_them_are_named(sweep: Path) -> None:
    change_summary(sweep / "manual-0", device="cpu: another", versions={"jax": "0.10.1"})
    manual, builtin = (", ".join(f"{sort}-{seed}" for seed in range(3)) for sort in ("manual", "builtin"))
    assert [p.what for p in load_sweep(sweep).problems if p.where == "runs"] == [
        f"differ in git revision: `aaaa` (3 runs: {manual}); `bbbb-dirty` (3 runs: {builtin})",
        f"made with changes that were not committed: 3 runs: {builtin}",
        "differ in device: `cpu: another` (1 run: manual-0); `cpu: a processor` (5 runs)",
        "differ in jax: `0.10.1` (1 run: manual-0); `0.10.2` (5 runs)",
    ]
