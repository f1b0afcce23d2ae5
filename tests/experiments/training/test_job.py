"""What becomes of a run directory: nothing in it is lost, and nothing overwritten unasked."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.job import Job
from experiments.training.loggers import RunLogger
from experiments.training.signals import Stopped, ended_by_signals
from tests.experiments.conftest import CONFIGS, train

SMALL = ("model=maxpool", "model.point_widths=[4]", "model.set_widths=[4]")
_made: dict[str, Path] = {}


@pytest.fixture
def small(configure):
    """Composes the config of the smallest run there is; the best of its evaluations is not the last."""
    return lambda *overrides: configure(*SMALL, "trainer.evaluate_every=4", *overrides)


@pytest.fixture
def finished(small, tmp_path, tmp_path_factory):
    """A finished run, as good as one of the test's own."""
    if "run" not in _made:
        _made["run"] = tmp_path_factory.mktemp("finished") / "run"
        train(small(), _made["run"])
    shutil.copytree(_made["run"], tmp_path / "finished")
    return tmp_path / "finished"


class Killed(BaseException):
    """Stands for a signal that leaves no time for anything."""


def train_and_die(config, output, at, by=Killed):
    """Trains until the row of a step is to be written, or, where that is None, the summary."""
    log = RunLogger.log

    def log_until(self, row):
        if row["step"] == at:
            raise by
        log(self, row)

    def write_no_summary(*_):
        raise by

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunLogger, "log", log_until)
        if at is None:
            patch.setattr(RunDirectory, "write_summary", write_no_summary)
        with pytest.raises(by):
            train(config, output)


def numbers(directory):
    """The rows of a run without its times."""
    rows = RunDirectory(directory).metrics()
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def results(directory):
    """What the summary of a run says of what it has learned."""
    summary = RunDirectory(directory).summary()
    return {key: summary[key] for key in summary if key.startswith(("test_", "best_", "steps", "stopped"))}


def assert_same(directory, other):
    assert numbers(directory) == numbers(other)
    assert results(directory) == results(other)
    for folder in ("checkpoints", "best"):
        names = [path.name for path in RunDirectory(directory).checkpoints(folder)]
        assert names == [path.name for path in RunDirectory(other).checkpoints(folder)]


def content(directory):
    """All that is in a directory; of links, where they lead."""
    return {
        path: path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
        if path.name != ".lock"
    }


@pytest.mark.parametrize(
    ("moment", "told"),
    [(7, "no checkpoint yet, starts anew"), (15, "at step 10\n"), (None, "at step 20\n")],
    ids=["before the first checkpoint", "between two checkpoints", "before the summary"],
)
def test_the_same_command_goes_on_where_a_run_was_killed(small, finished, tmp_path, capsys, moment, told):
    train_and_die(small(), tmp_path / "run", moment)
    assert "goes on" not in capsys.readouterr().err
    train(small(), tmp_path / "run")
    assert told in capsys.readouterr().err
    assert_same(tmp_path / "run", finished)
    assert RunDirectory(tmp_path / "run").summary()["step_time_ms"] > 0


def test_a_finished_run_is_told_and_left_alone(small, finished, capsys):
    before = content(finished)
    for overrides in ((), ("sort=builtin", "trainer.checkpoint_every=3"), (f"trainer.resume={finished}",)):
        assert train(small(*overrides), finished) == RunDirectory(finished).summary()
        assert "finished before; trainer.overwrite=true" in capsys.readouterr().out
    assert content(finished) == before


def without_config(run):
    shutil.rmtree(run / ".hydra")


def with_broken_config(run):
    (run / ".hydra" / "config.yaml").write_text("a: [")


def with_checkpoints_elsewhere(run):
    (run / "checkpoints").rename(run.parent / "elsewhere")
    (run / "checkpoints").symlink_to(run.parent / "elsewhere")


def with_nothing_that_can_be_read(run):
    (run / "summary.json").unlink()
    for path in (run / "checkpoints").glob("*/state/_METADATA"):
        path.unlink()


REFUSED = {
    "another config": (
        ["seed=1", "trainer.steps=9"],
        r"holds another run \(seed=0, here 1; trainer.steps=20,",
    ),
    "four settings": (
        ["model=meanpool", "loss=hinge", "seed=1"],
        "; …\\).*trainer.resume=.*trainer.overwrite",
    ),
    "a typo in set-up": (
        ["model=sortpool", "model.pooling.pieces=-3", "trainer.overwrite=true"],
        "pieces=-3",
    ),
    "a logger that is not there": (
        ["logger=wandb", "logger.mode=of", "trainer.overwrite=true"],
        "no such mode",
    ),
    "no config": ([], "holds results of something else", without_config),
    "a config that is broken": ([], "not the directory of a run", with_broken_config),
    "checkpoints elsewhere": (
        [],
        "checkpoints: a link out of the run's directory",
        with_checkpoints_elsewhere,
    ),
    "overwriting what is resumed": (["trainer.resume=RUN", "trainer.overwrite=true"], "would remove"),
    "another seed": (["trainer.resume=RUN", "seed=3"], r"another seed \(seed=0, here 3\)"),
    "another model": (["trainer.resume=RUN", "model.set_widths=[5]"], "another model"),
    "another task": (["trainer.resume=RUN", "task=certified"], "another task"),
    "other data": (
        ["trainer.resume=RUN", "data.label_noise=0.5"],
        r"another data \(data.label_noise=0.0, here",
    ),
    "another optimizer": (["trainer.resume=RUN", "optimizer=sgd"], "another optimizer"),
    "fewer steps": (["trainer.resume=RUN", "trainer.steps=5"], "trainer.steps=5 is less than the 20"),
    "a step that is not": (["trainer.resume=RUN/checkpoints/7"], "7: no such directory"),
    "nothing to go on from": (
        ["trainer.steps=20"],
        "no checkpoint that can be",
        with_nothing_that_can_be_read,
    ),
}


@pytest.mark.parametrize(
    ("overrides", "message", "change"),
    [(*case, id)[:3] for case in REFUSED.values()],
    ids=REFUSED.keys(),
)
def test_nothing_is_touched_by(small, finished, overrides, message, change):
    change(finished)
    before = content(finished.parent)
    with pytest.raises(UserError, match=message) as caught:
        train(small(*(line.replace("RUN", str(finished)) for line in overrides)), finished)
    assert "\n" not in str(caught.value)
    assert content(finished.parent) == before


@pytest.mark.parametrize("overrides", [[], ["trainer.overwrite=true"], ["trainer.resume=RUN"]])
def test_two_processes_at_once(small, finished, overrides):
    with RunDirectory(finished).owned():
        before = content(finished)
        with pytest.raises(UserError, match=f"in use by process {os.getpid()} on .* since "):
            train(small(*(line.replace("RUN", str(finished)) for line in overrides)), finished)
        assert content(finished) == before


def test_a_run_is_replaced_where_that_is_asked_for(small, finished, tmp_path):
    (finished / "notes.txt").write_text("mine")
    config = small("seed=1", "trainer.steps=6", "trainer.overwrite=true")
    train(config, finished)
    train(small("seed=1", "trainer.steps=6"), tmp_path / "other")
    assert_same(finished, tmp_path / "other")
    assert (finished / "notes.txt").read_text() == "mine"


def test_what_has_failed_in_set_up_has_nothing_to_lose(small, tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.begin(small("seed=5"), OmegaConf.create({"overrides": {"task": []}}))
    run.keep_error("thirteen is unlucky")
    train(small("trainer.steps=1"), run.path)
    assert run.error() is None
    assert run.config().seed == 0


@pytest.mark.parametrize(
    ("place", "where"),
    [("in place", ""), ("in place", "best"), ("elsewhere", "checkpoints"), ("elsewhere", "checkpoints/20")],
)
def test_a_run_can_be_made_longer(small, finished, tmp_path, capsys, place, where):
    output = finished if place == "in place" else tmp_path / "longer"
    overrides = f"trainer.resume={finished / where}", "trainer.steps=24", "trainer.evaluate_every=5"
    step = RunDirectory(finished).summary()["best_step"] if where == "best" else 20
    rows = [row for row in numbers(finished) if row["step"] <= step]
    train(small(*overrides), output)
    told = capsys.readouterr().err
    assert f" at step {step}; " in told
    assert "trainer.steps=24 (was 20)" in told
    assert "trainer.evaluate_every=5 (was 4)" in told
    assert numbers(output)[: len(rows)] == rows
    assert [row["step"] for row in numbers(output) if "loss" in row] == list(range(1, 25))
    assert f"trainer.resume={output} hydra.run.dir={output} trainer.steps=48" in told
    before = content(output)
    train(small(*overrides), output)
    assert content(output) == before


def test_a_run_that_was_resumed_goes_on_from_its_own_checkpoint(small, finished, tmp_path, capsys):
    resumed = small(f"trainer.resume={finished / 'checkpoints' / '10'}", "trainer.checkpoint_every=5")
    train_and_die(resumed, tmp_path / "run", 17)
    shutil.rmtree(finished / "checkpoints" / "10")
    capsys.readouterr()
    train(resumed, tmp_path / "run")
    assert f"goes on from {tmp_path / 'run'} at step 15" in capsys.readouterr().err
    assert numbers(tmp_path / "run") == numbers(finished)


def test_a_run_that_has_no_checkpoint_yet_begins_where_it_began(small, finished, tmp_path, capsys):
    train_and_die(small(f"trainer.resume={finished / 'checkpoints' / '10'}"), tmp_path / "run", 15)
    capsys.readouterr()
    train(small(f"trainer.resume={tmp_path / 'run'}"), tmp_path / "run")
    assert f"goes on from {finished} at step 10\n" in capsys.readouterr().err
    assert numbers(tmp_path / "run") == numbers(finished)


@pytest.mark.parametrize("more", [30, pytest.param(300_000, marks=pytest.mark.slow)])
def test_rows_survive_an_interrupted_resume_in_place(small, finished, more):
    run, again = RunDirectory(finished), small(f"trainer.resume={finished / 'checkpoints' / '10'}")
    many = [json.dumps({"step": 1, "seconds": 0.0, "more": number}) for number in range(more)]
    lines = (finished / "metrics.jsonl").read_text().splitlines()
    (finished / "metrics.jsonl").write_text("\n".join([*many, *lines, '{"step": 21, "lo']))
    (finished / "summary.json").unlink()
    rows = run.metrics()
    train_and_die(again, finished, 14)
    until = [row["step"] for row in rows].index(11)
    assert run.metrics()[:until] == rows[:until]
    assert [path.name for path in run.checkpoints()] == ["10"]  # 20 is beyond the rows
    train(small(), finished)
    assert numbers(finished) == [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_no_link_is_followed(small, finished, tmp_path):
    names = ("metrics.jsonl", "summary.json", "curves.png", ".hydra/config.yaml")
    for name in names:
        (tmp_path / "of somebody else").mkdir(exist_ok=True)
        target = tmp_path / "of somebody else" / Path(name).name
        (finished / name).rename(target)
        (finished / name).symlink_to(target)
    before = content(tmp_path / "of somebody else")
    train(small(f"trainer.resume={finished}", "trainer.steps=21"), finished)
    assert content(tmp_path / "of somebody else") == before
    assert not any((finished / name).is_symlink() for name in names)


def train_and_signal(config, output, at, number):
    """Trains until the row of a step is written, at which a signal comes."""
    log = RunLogger.log

    def log_until(self, row):
        log(self, row)
        if row["step"] == at and "loss" in row:
            signal.raise_signal(number)

    with pytest.MonkeyPatch.context() as patch, ended_by_signals():
        patch.setattr(RunLogger, "log", log_until)
        train(config, output)


@pytest.mark.parametrize(
    ("number", "at"), [(signal.SIGTERM, 13), (signal.SIGUSR1, 12), (signal.SIGINT, 20)], ids=str
)
def test_a_signal_saves_and_tells_how_to_go_on(small, finished, tmp_path, capsys, number, at):
    output = tmp_path / "it's, here"
    with pytest.raises(Stopped) as stopped:
        train_and_signal(small(), output, at, number)
    step = stopped.value.step
    assert stopped.value.code == 128 + number
    assert at <= step <= at + 2  # what was under way has come to its end
    assert RunDirectory(output).checkpoints()[0].name == str(step)
    name = signal.Signals(number).name
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "to go on" in line]
    assert line.startswith(f"stopped by {name} at step {step}; to go on: ")
    words = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {line.partition(': python ')[2]}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    quoted = "'" + str(output).replace("'", r"\'") + "'"
    assert words == ["scripts/train.py", f"trainer.resume={quoted}", f"hydra.run.dir={quoted}"]
    train(small(), output)
    assert numbers(output) == numbers(finished)
    assert results(output) == results(finished)


def test_what_is_damaged_is_set_aside_and_the_one_before_is_used(small, finished, tmp_path, capsys):
    train_and_die(small(), tmp_path / "run", None)
    newest, before = RunDirectory(tmp_path / "run").checkpoints()
    (newest / "state" / "_METADATA").write_text("{")
    capsys.readouterr()
    train(small(), tmp_path / "run")
    told = capsys.readouterr().err
    assert f"{newest}: cannot be used: it is damaged (" in told
    assert "); set aside as 20.damaged\n" in told
    assert f"goes on from {tmp_path / 'run'} at step {before.name}\n" in told
    assert (newest.with_name("20.damaged") / "state" / "_METADATA").read_text() == "{"
    assert_same(tmp_path / "run", finished)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what Orbax was about
def test_a_directory_that_is_gone_ends_the_run(small, tmp_path):
    log = RunLogger.log

    def remove(self, row):
        while row["step"] == 5 and (tmp_path / "run" / "metrics.jsonl").exists():
            shutil.rmtree(tmp_path / "run", ignore_errors=True)  # a save may be adding to it
        log(self, row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunLogger, "log", remove)
        with pytest.raises(UserError, match=r"run: cannot be written \(it was removed\); no checkpoint yet"):
            train(small(), tmp_path / "run")
    assert not (tmp_path / "run" / "summary.json").exists()


def test_a_run_says_what_it_is_at_once(small, tmp_path, capsys):
    train(small("trainer.steps=1"), tmp_path / "run", tmp_path)
    first, second, *others = capsys.readouterr().err.splitlines()
    for part in (
        "maxpool: ",
        " parameters; digits: 1,197 training",
        "batches of 32; cpu: ",
        str(tmp_path / "run"),
    ):
        assert part in first
    assert second.startswith("compiling … ")
    assert len(others) == 3


def test_patience_stops_early_and_can_be_resumed(small, tmp_path, capsys):
    # A learning rate of almost nothing: no evaluation is better than the first.
    still = "optimizer.learning_rate=1e-12", "trainer.patience=2", "trainer.checkpoint_every=3"
    train(small(*still), tmp_path / "whole")
    assert "stops early at step 12: no better validation accuracy since step 4" in capsys.readouterr().err
    assert results(tmp_path / "whole")["stopped_at"] == results(tmp_path / "whole")["steps"] == 12
    train_and_die(small(*still), tmp_path / "run", 11)
    train(small(*still), tmp_path / "run")
    assert_same(tmp_path / "run", tmp_path / "whole")
    (tmp_path / "run" / "summary.json").unlink()
    train(small(*still), tmp_path / "run")
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_an_equal_run_of_the_sweep_is_copied_and_named(small, finished, tmp_path, capsys):
    second = tmp_path / "below" / "second"
    summary = train(small("sort=builtin"), second, tmp_path)
    assert summary == RunDirectory(second).summary()
    assert (summary["sort"], summary["same_as"]) == ("builtin", "../../finished")
    assert (second / "metrics.jsonl").read_bytes() == (finished / "metrics.jsonl").read_bytes()
    assert RunDirectory(second).config().sort.implementation == "builtin"
    assert capsys.readouterr().out.count("\n") == 1
    assert train(small("sort=manual:xla"), tmp_path / "third", tmp_path)["same_as"] == "../finished", (
        "a copy of a copy"
    )
    assert train(small("sort=builtin"), second, tmp_path) == summary


@pytest.mark.parametrize("what", ["another seed", "no sweep", "no metrics", "cut summary", "overwritten"])
def test_what_is_not_the_same_is_not_taken(small, finished, tmp_path, what):
    overrides = {"another seed": ["seed=1"], "overwritten": ["trainer.overwrite=true"]}.get(what, [])
    if what == "no metrics":
        (finished / "metrics.jsonl").unlink()
    if what == "cut summary":
        (finished / "summary.json").write_text('{"run_key": ')
    sweep = None if what == "no sweep" else tmp_path
    job = Job(small(*overrides), OmegaConf.create({}), tmp_path / "run", sweep)
    assert job.known_results() is None
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows", [3, 130, 200], ids=["before the first checkpoint", "between two", "in the end"]
)
def test_the_same_command_after_kill_9(tmp_path, data_directory, rows):
    def start(name):
        command = [sys.executable, str(CONFIGS.parent / "scripts" / "train.py"), *SMALL, "trainer.steps=200"]
        settings = (
            "trainer.checkpoint_every=50",
            "trainer.evaluate_every=40",
            f"hydra.run.dir={tmp_path / name}",
        )
        where = {"PYTHONPATH": str(CONFIGS.parent), "TFDS_DATA_DIR": str(data_directory)}
        return subprocess.Popen(
            [*command, *settings], env={**os.environ, **where}, stderr=subprocess.PIPE, text=True
        )

    with start("whole") as whole:
        whole.communicate()
    process = start("run")
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not metrics.is_file() or metrics.read_text().count("\n") < rows:
        time.sleep(0.001)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "run" / "summary.json").exists()
    with start("run") as again:
        _, err = again.communicate()
    assert ("goes on from" in err) == (rows > 50)
    assert_same(tmp_path / "run", tmp_path / "whole")
