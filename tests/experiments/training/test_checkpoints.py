"""Checkpoints: which are kept, and what is left of them when files are damaged."""

import errno
import os
import re
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.checkpoints import Checkpoints, _context, restore
from experiments.training.steps import TrainState


def state(value, size=5):
    return TrainState({"weights": jnp.full(size, value)}, {"count": jnp.int32(value)})


def save(run, step, value, **extra):
    with Checkpoints(run, keep=2) as checkpoints:
        checkpoints.save("checkpoints", step, state(value), extra)


def same(found, value):
    return jax.tree.all(jax.tree.map(jnp.array_equal, found, state(value)))


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "model.widths=[4],what=a*b?")  # as the jobs of sweeps are called
    run.path.mkdir()
    for step in (3, 6, 9):
        save(run, step, float(step), skipped=step)
    return run


def names(run):
    return [path.name for path in run.checkpoints()]


def test_the_newest_are_kept_and_come_back(run):
    assert names(run) == ["9", "6"]
    for path in run.checkpoints():
        step, found, extra = restore([path], state(0.0))
        assert step == int(path.name) == extra["skipped"]
        assert same(found, float(step))


def test_what_is_saved_may_be_overwritten_at_once(run):
    buffers = np.full(5, 12.0, np.float32), np.int32(12)
    with Checkpoints(run, keep=2) as checkpoints:
        checkpoints.save("checkpoints", 12, TrainState({"weights": buffers[0]}, {"count": buffers[1]}))
        buffers[0][:] = 0.0
    assert same(restore(run.checkpoints(), state(0.0)).state, 12.0)


def test_several_are_saved_at_a_time(run):
    with Checkpoints(run, keep=2) as checkpoints:
        for step in (11, 12, 13):
            checkpoints.save("best", step, state(float(step)))
            checkpoints.save("checkpoints", step, state(float(step)))
        checkpoints.wait()
        assert names(run) == ["13", "12"]
        assert [path.name for path in run.checkpoints("best")] == ["13"]


def test_those_from_before_there_were_digests_are_read(run):
    leaves = {".parameters['weights']": jnp.ones(5), ".optimizer['count']": jnp.int32(1)}
    with _context():
        ocp.save(run.path / "checkpoints" / "10", leaves)
    assert restore(run.checkpoints(), state(0.0)).extra == {}
    assert same(restore(run.checkpoints(), state(0.0)).state, 1.0)


def test_shapes_are_enough_to_restore(run):
    found = restore(run.checkpoints(), jax.eval_shape(state, 0.0)).state
    assert same(found, 9.0)
    assert {type(leaf) for leaf in jax.tree.leaves(found)} == {np.ndarray}


def test_what_was_given_up_goes_as_the_next_is_saved(run):
    for name in ("7.orbax-checkpoint-tmp-0", "8.damaged"):
        (run.path / "checkpoints" / name).mkdir()
    save(run, 7, 7.0)
    assert sorted(path.name for path in (run.path / "checkpoints").iterdir()) == ["6", "7", "8.damaged"]
    save(run, 7, 8.0)
    assert same(restore(run.checkpoints(), state(0.0)).state, 8.0)


def remove(run):
    shutil.rmtree(run.path)


def replace(run):
    shutil.move(run.path, run.path.with_name("elsewhere"))
    run.path.mkdir()


def forbid(run):
    shutil.move(run.path / "checkpoints", run.path / "elsewhere")
    (run.path / "checkpoints").write_text("")


@pytest.mark.parametrize(
    ("change", "reason"),
    [(remove, errno.ENOENT), (replace, "another directory is in its place"), (forbid, errno.ENOTDIR)],
)
def test_what_cannot_be_written_is_told_in_one_line(run, change, reason):
    checkpoints = Checkpoints(run, keep=2)
    change(run)
    with pytest.raises(UserError) as caught, checkpoints:
        checkpoints.save("checkpoints", 12, state(12.0))
    reason = os.strerror(reason) if isinstance(reason, int) else reason
    assert str(caught.value) == f"{run.path}/checkpoints/12: cannot be written ({reason}); no checkpoint yet"


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
        step, found, extra = restore(run.checkpoints(), state(0.0))
        assert same(found, float(step))
        assert extra == {"skipped": step}
        told = capsys.readouterr().err
        assert (f"{newest}: cannot be used: " in told) == (step == 6)
        assert told.count("\n") == (step == 6)
        used.add(step)
        path.write_bytes(before)
    assert 6 in used


@pytest.mark.parametrize("like", [state(0.0, 6), TrainState({"kernel": jnp.zeros(5)}, {})])
def test_what_none_can_be_read_from_is_one_line(run, capsys, like):
    newest, before = run.checkpoints()
    with pytest.raises(
        UserError, match=f"no checkpoint that can be used; try trainer.resume={re.escape(str(before))}$"
    ):
        restore([newest], like)
    with pytest.raises(
        UserError, match=r"no checkpoint that can be used; trainer.overwrite=true starts over"
    ):
        restore([newest, before], like)
    assert capsys.readouterr().err.count("it is of another model or optimizer") == 3


@pytest.mark.parametrize("changed", [".parameters['weights']", "extra.skipped", "digests"])
def test_other_numbers_than_were_saved_are_found(run, capsys, changed):
    newest, before = run.checkpoints()
    leaves = ocp.load(newest)
    leaves[changed] = np.array(leaves[changed] + np.ones_like(leaves[changed]))
    with _context():
        ocp.save(newest, leaves, overwrite=True)
    assert restore(run.checkpoints(), state(0.0), mend=True).step == 6
    told = capsys.readouterr().err
    if changed != "digests":
        assert told.startswith(
            f"{newest}: cannot be used: it is damaged (it holds other numbers than were saved)"
        )
    assert told.endswith("; set aside as 9.damaged\n")
    assert names(run) == [before.name]
