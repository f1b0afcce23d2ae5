"""Runs that were finished before, here or elsewhere in a sweep."""

import json

import pytest
from omegaconf import OmegaConf

from experiments.run_directory import RunDirectory, run_key
from experiments.sweeps.reuse import clear, reuse


def config(sort="manual", seed=0, resume=None):
    return OmegaConf.create(
        {"sort": {"implementation": sort}, "seed": seed, "trainer": {"resume": resume, "steps": 3}}
    )


def finish(directory, of, **more):
    directory.mkdir(parents=True)
    (directory / "metrics.jsonl").write_text('{"step": 1}\n')
    RunDirectory(directory).write_summary(
        {"sort": of.sort.implementation, "run_key": run_key(of), "test_loss": 0.5, **more}
    )


def test_a_finished_run_is_left_as_it_is(tmp_path, capsys):
    finish(tmp_path / "run", config())
    before = (tmp_path / "run" / "summary.json").read_bytes()
    for sweep in (None, tmp_path):
        summary = reuse(config(), tmp_path / "run", sweep)
        assert summary["test_loss"] == 0.5
        assert "same_as" not in summary
    assert (tmp_path / "run" / "summary.json").read_bytes() == before
    assert capsys.readouterr().out.count("finished before") == 2


def test_an_equal_run_of_the_sweep_is_copied_and_named(tmp_path, capsys):
    finish(tmp_path / "first" / "nested", config("manual"))
    finish(tmp_path / "other", config("manual", seed=1))
    output = tmp_path / "second"
    output.mkdir()
    summary = reuse(config("builtin"), output, tmp_path)
    assert summary == json.loads((output / "summary.json").read_text())
    assert (summary["sort"], summary["same_as"], summary["test_loss"]) == ("builtin", "../first/nested", 0.5)
    assert (output / summary["same_as"] / "summary.json").is_file()
    assert (output / "metrics.jsonl").read_text() == '{"step": 1}\n'
    assert capsys.readouterr().out.count("\n") == 1

    third = tmp_path / "third"
    third.mkdir()
    assert reuse(config("xla"), third, tmp_path)["same_as"] == "../first/nested", "a copy of a copy"
    assert reuse(config("builtin"), output, tmp_path) == summary


@pytest.mark.parametrize("what", ["another seed", "no sweep", "no metrics", "cut summary", "nothing"])
def test_nothing_to_reuse(tmp_path, what):
    finish(tmp_path / "first", config(seed=1 if what == "another seed" else 0))
    if what == "no metrics":
        (tmp_path / "first" / "metrics.jsonl").unlink()
    if what == "cut summary":
        (tmp_path / "first" / "summary.json").write_text('{"run_key": ')
    if what == "nothing":
        (tmp_path / "first" / "summary.json").unlink()
    output = tmp_path / "second"
    output.mkdir()
    assert reuse(config("builtin"), output, None if what == "no sweep" else tmp_path) is None
    assert not list(output.iterdir())


def test_what_another_run_left_is_cleared(tmp_path):
    finish(tmp_path / "run", config(seed=1))
    (tmp_path / "run" / "checkpoints" / "3").mkdir(parents=True)
    assert reuse(config(), tmp_path / "run", tmp_path) is None
    clear(config(), tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"metrics.jsonl"}


@pytest.mark.parametrize("below", ["", "checkpoints", "checkpoints/3"])
def test_what_a_run_goes_on_from_is_kept(tmp_path, below):
    checkpoint = tmp_path / "run" / "checkpoints" / "3"
    checkpoint.mkdir(parents=True)
    clear(config(resume=str(tmp_path / "run" / below)), tmp_path / "run")
    assert checkpoint.is_dir()
    clear(config(resume=str(tmp_path / "elsewhere")), tmp_path / "run")
    assert not checkpoint.exists()


def test_a_summary_is_written_whole_or_not_at_all(tmp_path):
    RunDirectory(tmp_path).write_summary({"seed": 1})
    with pytest.raises(TypeError):
        RunDirectory(tmp_path).write_summary({"seed": object()})
    assert RunDirectory(tmp_path).summary() == {"seed": 1}
