import json

import pytest

from experiments.errors import UserError
from experiments.report.metric import Metric
from experiments.report.sweep import load_sweep


def change_summary(run, **changes):
    path = run / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_cells_and_baseline_are_found(sweep):
    loaded = load_sweep(sweep)
    assert loaded.columns == ("sort",)
    assert [cell.label for cell in loaded.cells] == ["manual", "builtin", "double_argsort"]
    assert [(len(cell.finished), len(cell.runs)) for cell in loaded.cells] == [(3, 3), (3, 3), (0, 1)]
    assert [baseline.label for baseline in loaded.baselines] == ["manual"]
    assert loaded.metric == Metric("accuracy")
    assert loaded.target == 0.82


def test_the_first_cell_with_a_result_is_the_baseline(sweep):
    for seed in range(3):
        (sweep / f"seed={seed},sort=manual" / "summary.json").unlink()
    assert load_sweep(sweep).baselines[0].label == "builtin"


def test_baseline_and_target_may_be_given(sweep):
    loaded = load_sweep(sweep, baseline="sort=builtin", target=0.9)
    assert (loaded.baselines[0].label, loaded.target) == ("builtin", 0.9)


@pytest.mark.parametrize("wanted", ["sort=bultin", "model=sortpool", "sort", ""])
def test_a_baseline_that_is_none_is_refused(wanted, sweep):
    message = rf"--baseline {wanted}: fits no cell; choose of sort=manual\|builtin\|double_argsort"
    with pytest.raises(UserError, match=message):
        load_sweep(sweep, baseline=wanted)


def test_runs_name_their_metric(sweep):
    for sort in ("manual", "builtin"):
        for seed in range(3):
            run = sweep / f"seed={seed},sort={sort}"
            change_summary(run, metric="crps", metric_is_better="lower", test_crps=0.1 * (seed + 1))
    loaded = load_sweep(sweep)
    assert loaded.metric == Metric("crps", higher_is_better=False)
    assert loaded.cells[0].numbers(loaded.metric.test) == pytest.approx({"0": 0.1, "1": 0.2, "2": 0.3})
    assert loaded.target is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"metric": "crps"}, "its metric is crps, not accuracy"),
        ({"test_accuracy": None}, "summary.json has no test_accuracy that is a number"),
        ({"test_accuracy": float("nan")}, "summary.json has no test_accuracy that is a number"),
    ],
)
def test_a_run_without_the_metric_is_named(changes, complaint, sweep):
    change_summary(sweep / "seed=1,sort=builtin", **changes)
    problems = [p.what for p in load_sweep(sweep).problems if p.where == "seed=1,sort=builtin"]
    assert complaint in problems


def test_runs_that_differ_in_what_made_them_are_named(sweep):
    change_summary(sweep / "seed=0,sort=manual", device="cpu: another", versions={"jax": "0.10.1"})
    problems = [p.what for p in load_sweep(sweep).problems if p.where == "runs"]
    manual, builtin = (", ".join(f"seed={s},sort={sort}" for s in range(3)) for sort in ("manual", "builtin"))
    assert problems == [
        f"differ in git revision: `aaaa` (3 runs: {manual}); `bbbb-dirty` (3 runs: {builtin})",
        f"made with changes that were not committed: 3 runs: {builtin}",
        "differ in device: `cpu: another` (1 run: seed=0,sort=manual); `cpu: a processor` (5 runs)",
        "differ in jax: `0.10.1` (1 run: seed=0,sort=manual); `0.10.2` (5 runs)",
    ]
