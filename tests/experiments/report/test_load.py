"""What lies on disk is read, and what is wrong with it named."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from experiments.errors import UserError
from experiments.report.load import number, read_multiruns, read_runs
from tests.experiments.report.conftest import LAUNCHER, MakeRun


def what_is_wrong(sweep: Path, where: str) -> list[str]:
    return [problem.what for problem in read_runs(sweep)[1] if problem.where == where]


def test_runs_come_as_the_sweep_began_them(sweep: Path) -> None:
    runs, _ = read_runs(sweep)
    in_order = [("manual", s) for s in "012"] + [("builtin", s) for s in "012"] + [("double_argsort", "0")]
    assert [(run.choices["sort"], run.seed) for run in runs] == in_order
    assert runs[0].choices == {"data": "digits", "sort": "manual", "model": "sortpool"}
    assert runs[0].config["trainer.steps"] == "4"


def test_what_is_wrong_is_named(sweep: Path) -> None:
    assert [(p.where, p.what) for p in read_runs(sweep)[1]] == [
        ("builtin-1", "no metrics.jsonl: it has no curves"),
        (
            "double_argsort-0",
            "no summary.json: failed, or still running; metrics end at step 2 with loss 1.5",
        ),
        ("manual-2", "metrics.jsonl: the last line is cut"),
    ]


def test_a_failed_run_says_why(sweep: Path) -> None:
    (sweep / "double_argsort-0" / "error.txt").write_text("loss is nan at step 3.\nTraceback ...\n")
    (sweep / "manual-0" / "error.txt").write_text("killed\n")
    assert what_is_wrong(sweep, "double_argsort-0") == [
        "failed: loss is nan at step 3 (metrics end at step 2 with loss 1.5)"
    ]
    assert what_is_wrong(sweep, "manual-0") == ["finished, but a later attempt failed: killed"]


def test_curves_are_by_step_with_the_seconds_of_their_rows(make_run: MakeRun) -> None:
    rows: list[dict[str, Any]] = [
        {"step": 3, "loss": 1.0, "seconds": 0.75},
        {"step": 1, "loss": 2.0, "seconds": 0.5},
        {"step": 2, "validation_accuracy": "NaN"},
        {"step": 4, "loss": None},
    ]
    curve = make_run(rows=rows, summary={"step_time_ms": 200}).curve("loss")
    assert curve.index.tolist() == [1, 3]
    assert curve.to_numpy().tolist() == [[0.5, 2.0], [0.75, 1.0]]
    for row in rows:
        row.pop("seconds", None)
    assert make_run(rows=rows, summary={"step_time_ms": 200}).curve("loss")[
        "seconds"
    ].tolist() == pytest.approx([0.2, 0.6])
    assert make_run(rows=rows).curve("loss")["seconds"].isna().all()
    assert make_run(rows=rows).curve("validation_accuracy")["value"].isna().tolist() == [True]
    assert make_run(rows=rows).curve("accuracy").empty


@pytest.mark.parametrize(
    ("value", "found"),
    [(3, 3.0), (0.5, 0.5), (True, None), ("3", None), (None, None), (10**400, None), ([1], None)],
)
def test_a_number_is_what_a_float_can_hold(value: object, found: float | None) -> None:
    assert number(value) == found


@pytest.mark.parametrize("value", ["NaN", "Infinity", True, "3", None])
def test_a_number_of_a_summary_is_finite(value: object, make_run: MakeRun) -> None:
    assert make_run(summary={"step_time_ms": value}).number("step_time_ms") is None


def test_a_run_by_itself_is_a_sweep_of_one(sweep: Path) -> None:
    runs, problems = read_runs(sweep / "manual-0")
    assert [run.name for run in runs] == ["manual-0"]
    assert not problems


def test_nested_sweeps_keep_their_order(sweep: Path) -> None:
    shutil.copytree(sweep, sweep / "again")
    names = [run.name for run in read_runs(sweep)[0]]
    assert names[7:] == [f"again/{name}" for name in names[:7]]


@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere", "no such directory"), (".", "no finished run"), ("summary.json", "no such directory")],
)
def test_nothing_to_report_on(path: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "summary.json").touch()
    with pytest.raises(UserError, match=message):
        read_runs(tmp_path / path)


def write_multirun(directory: Path, *task: str, launcher: str = "another") -> None:
    content = {"hydra": {"launcher": {"_target_": launcher}, "overrides": {"task": list(task)}}}
    (directory / "multirun.yaml").write_text(json.dumps(content))


def test_jobs_that_left_no_run_are_named(sweep: Path) -> None:
    (multirun,), problems, never_begun = read_multiruns(sweep)
    assert multirun.overrides[:2] == ("sort=manual,builtin,double_argsort", "seed=range(3)")
    assert multirun.in_one_process
    assert [p.what for p in problems] == [
        f"no run of `sort=double_argsort seed={seed} trainer.steps=4 data.directory=/data`: never begun"
        for seed in (1, 2)
    ]
    assert never_begun == 2


def test_runs_of_one_sweep_do_not_count_for_another(sweep: Path) -> None:
    (sweep / "inner").mkdir()
    write_multirun(sweep / "inner", "sort=manual,builtin", "seed=1")
    multiruns, problems, _ = read_multiruns(sweep)
    assert [m.in_one_process for m in multiruns] == [False, True]
    assert [p.what.split("`")[1] for p in problems if p.where == str(Path("inner", "multirun.yaml"))] == [
        "sort=manual seed=1",
        "sort=builtin seed=1",
    ]


@pytest.mark.parametrize(
    "task",
    ["seed=[0", "x=interval(0, 1)", "x=glob(*)", "x=range(10000000000)", "x=" + "[" * 5000, LAUNCHER],
    ids=["cut", "interval", "glob", "range", "deep", "no override"],
)
def test_a_sweep_that_does_not_tell_its_jobs_is_named(task: str, sweep: Path) -> None:
    write_multirun(sweep, task)
    _, (problem,), _ = read_multiruns(sweep)
    assert problem.what.startswith("whether all its jobs have run is not known")


@pytest.mark.parametrize("text", ["a: [1", "[]"])
def test_a_sweep_that_cannot_be_read_is_named(text: str, sweep: Path) -> None:
    (sweep / "multirun.yaml").write_text(text)
    _, (problem,), _ = read_multiruns(sweep)
    assert problem.what.startswith("whether all its jobs have run is not known")
