from pathlib import Path

import pytest

from experiments.report.multirun import read_multiruns

TASK = "hydra:\n  overrides:\n    task: [{}]\n"


def test_jobs_that_left_no_run_are_named(sweep):
    (multirun,), problems = read_multiruns(sweep)
    assert multirun.overrides[:2] == ("sort=manual,builtin,double_argsort", "seed=range(3)")
    assert multirun.in_one_process
    assert [p.what for p in problems] == [
        f"no run of `sort=double_argsort seed={seed} trainer.steps=4 data.directory=/data`: never begun"
        for seed in (1, 2)
    ]


def test_runs_of_one_sweep_do_not_count_for_another(sweep):
    inner = sweep / "inner"
    inner.mkdir()
    (inner / "multirun.yaml").write_text(TASK.format("'sort=manual,builtin', seed=1"))
    multiruns, problems = read_multiruns(sweep)
    assert [m.directory for m in multiruns] == [inner, sweep]
    assert not multiruns[0].in_one_process
    assert [p.what.split("`")[1] for p in problems if p.where == str(Path("inner", "multirun.yaml"))] == [
        "sort=manual seed=1",
        "sort=builtin seed=1",
    ]


@pytest.mark.parametrize("text", ["a: [1", "[]", TASK.format("'seed=[0'"), TASK.format("'x=interval(0, 1)'")])
def test_a_sweep_that_does_not_tell_its_jobs_is_named(text, sweep):
    (sweep / "multirun.yaml").write_text(text)
    _, (problem,) = read_multiruns(sweep)
    assert problem.what.startswith("whether all its jobs have run is not known")
