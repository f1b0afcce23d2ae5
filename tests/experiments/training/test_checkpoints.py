"""Checkpoints: which are kept, and what is left of them when files are damaged."""

import signal

import jax
import jax.numpy as jnp
import pytest

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training import checkpoints
from experiments.training.checkpoints import restore, save
from experiments.training.steps import TrainState


def state(value, size=5):
    return TrainState({"weights": jnp.full(size, value)}, {"count": jnp.int32(value)})


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path)
    for step in (3, 6, 9):
        save(run, "checkpoints", step, state(float(step)), keep=2)
    return run


def names(run):
    return [path.name for path in run.checkpoints()]


def test_the_newest_are_kept_and_come_back(run):
    assert names(run) == ["9", "6"]
    for path in run.checkpoints():
        step, found = restore([path], state(0.0))
        assert step == int(path.name)
        assert jax.tree.all(jax.tree.map(jnp.array_equal, found, state(float(step))))


def test_what_was_given_up_goes_as_the_next_is_saved(run):
    (run.path / "checkpoints" / "7.orbax-checkpoint-tmp-0").mkdir()
    save(run, "checkpoints", 7, state(7.0), keep=2)
    assert sorted(path.name for path in (run.path / "checkpoints").iterdir()) == ["6", "7"]
    save(run, "checkpoints", 7, state(8.0), keep=2)
    assert restore(run.checkpoints(), state(0.0))[1].parameters["weights"][0] == 8.0


def test_an_interrupt_waits_until_a_checkpoint_is_whole(run, monkeypatch):
    begun = checkpoints.ocp.save

    def save_and_be_interrupted(*arguments, **settings):
        signal.raise_signal(signal.SIGINT)
        begun(*arguments, **settings)

    monkeypatch.setattr(checkpoints.ocp, "save", save_and_be_interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            save(run, "checkpoints", 12, state(12.0), keep=2)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert restore(run.checkpoints(), state(0.0))[0] == 12


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "deleted": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_where_a_file_is_damaged_the_one_before_is_used_or_the_result_is_the_same(run, capsys, damage):
    newest, *_ = run.checkpoints()
    used = set()
    for path in [path for path in newest.rglob("*") if path.is_file() and path.stat().st_size]:
        before = path.read_bytes()
        damage(path)
        step, found = restore(run.checkpoints(), state(0.0))
        assert jax.tree.all(jax.tree.map(jnp.array_equal, found, state(float(step))))
        told = capsys.readouterr().err
        assert (f"{newest}: cannot be used: " in told) == (step == 6)
        assert told.count("\n") == (step == 6)
        used.add(step)
        path.write_bytes(before)
    assert 6 in used


@pytest.mark.parametrize("like", [state(0.0, 6), TrainState({"kernel": jnp.zeros(5)}, {})])
def test_what_none_can_be_read_from_is_one_line(run, capsys, like):
    newest, before = run.checkpoints()
    with pytest.raises(UserError, match=f"no checkpoint that can be used; try trainer.resume={before}$"):
        restore([newest], like)
    with pytest.raises(
        UserError, match=r"no checkpoint that can be used; trainer.overwrite=true starts over"
    ):
        restore([newest, before], like)
    assert capsys.readouterr().err.count("it is of another model or optimizer") == 3
