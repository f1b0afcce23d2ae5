import shutil

import pytest

from experiments.errors import UserError
from experiments.report.runs import read_runs

FIRST = "seed=0,sort=manual"


def test_runs_come_as_the_sweep_began_them(sweep):
    runs, _ = read_runs(sweep)
    begun = [("manual", s) for s in "012"] + [("builtin", s) for s in "012"] + [("double_argsort", "0")]
    assert [(run.choices["sort"], run.seed) for run in runs] == begun
    assert runs[0].choices == {"data": "digits", "sort": "manual", "model": "sortpool"}
    assert runs[0].config["model.pooling.implementation"] == "${sort.implementation}"
    assert [row["step"] for row in runs[0].rows] == [1, 2, 2, 3, 4, 4]


def test_what_is_wrong_is_named(sweep):
    _, problems = read_runs(sweep)
    assert [(p.where, p.what) for p in problems] == [
        (
            "seed=0,sort=double_argsort",
            "no summary.json: failed, or still running; metrics end at step 2 with loss 1.5",
        ),
        ("seed=1,sort=builtin", "no metrics.jsonl: it has no curves"),
        ("seed=2,sort=manual", "metrics.jsonl: the last line is cut"),
    ]


def cut(path):
    path.write_text(path.read_text()[:-20])


DAMAGES = {
    "summary cut": ("summary.json", cut, "summary.json is not valid JSON: failed"),
    "summary of another kind": ("summary.json", lambda p: p.write_text("[]"), "does not hold an object"),
    "not text": ("summary.json", lambda p: p.write_bytes(b"\xff\xfe"), "summary.json is not text"),
    "a line amid others": (
        "metrics.jsonl",
        lambda p: p.write_text('{"step": 1, "loss": 2.0}\n{"st\n{"step": 4, "loss": 1.0}\n'),
        "metrics.jsonl: line 2 cannot be read, and what follows it is left out",
    ),
    "too few steps": (
        "metrics.jsonl",
        lambda p: p.write_text('{"step": 1, "loss": 2.0}\n'),
        "metrics.jsonl ends at step 1 of 4",
    ),
    "no rows": ("metrics.jsonl", lambda p: p.write_text(""), "metrics.jsonl is empty"),
    "no config": (".hydra/config.yaml", lambda p: p.unlink(), "no .hydra/config.yaml: left out"),
    "config cut": (".hydra/config.yaml", lambda p: p.write_text("a: [1"), "is not valid YAML: left out"),
    "no overrides": (".hydra/overrides.yaml", lambda p: p.write_text(""), "does not hold a list: left out"),
    "choices cut": (
        ".hydra/hydra.yaml",
        lambda p: p.write_text("hydra:\n  runtime:\n    choi"),
        ".hydra/hydra.yaml does not tell the choices: left out",
    ),
    "no hydra": (".hydra", shutil.rmtree, "no .hydra/config.yaml: left out"),
}


@pytest.mark.parametrize(("path", "damage", "complaint"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named_and_costs_no_other_run(path, damage, complaint, sweep):
    others = {run.name: run for run in read_runs(sweep)[0] if run.name != FIRST}
    damage(sweep / FIRST / path)
    runs, problems = read_runs(sweep)
    assert {run.name: run for run in runs if run.name != FIRST} == others
    assert any(complaint in p.what for p in problems if p.where == FIRST)
    assert any(run.name == FIRST for run in runs) == ("left out" not in complaint or "line" in complaint)


@pytest.mark.parametrize(
    ("value", "number"), [(3, 3.0), (0.5, 0.5), (True, None), ("3", None), (None, None), (float("nan"), None)]
)
def test_a_number_is_a_finite_one(value, number, make_run):
    assert make_run(summary={"step_time_ms": value}).number("step_time_ms") == number
    assert make_run().number("step_time_ms") is None


def test_a_run_by_itself_is_a_sweep_of_one(sweep):
    runs, problems = read_runs(sweep / FIRST)
    assert [run.name for run in runs] == [FIRST]
    assert not problems


def test_nested_sweeps_keep_their_order(sweep):
    shutil.copytree(sweep, sweep / "again")
    names = [run.name for run in read_runs(sweep)[0]]
    assert names[7:] == [f"again/{name}" for name in names[:7]]


@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere", "no such directory"), (".", "no finished run"), ("summary.json", "no such directory")],
)
def test_nothing_to_report_on(path, message, tmp_path):
    (tmp_path / "summary.json").touch()
    with pytest.raises(UserError, match=message):
        read_runs(tmp_path / path)
