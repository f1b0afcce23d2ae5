from __future__ import annotations

import contextlib
import itertools
import pickle
import threading
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.data import Batch, Examples, PointSets, evaluation_batches, stream, training_batches
from experiments.errors import UserError

MAX_POINTS = 4


def numbered(size: int) -> PointSets:
    """Sets that can be told apart: everything in number i says i."""
    numbers = np.arange(size)
    points = np.broadcast_to(numbers[:, None, None], (size, MAX_POINTS, 3)).astype(np.float32)
    mask = np.arange(MAX_POINTS) < (numbers % MAX_POINTS)[:, None]
    return PointSets(points, mask, numbers.astype(np.int32))


def assert_consistent(batch: Batch) -> None:
    for number, points, mask in zip(batch["labels"], batch["points"], batch["mask"], strict=True):
        assert (points == number).all()
        assert mask.sum() == number % MAX_POINTS


def assert_same(left: Batch, right: Batch) -> None:
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_array_equal(left[name], right[name])


SIZES = st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size)))


@given(SIZES, st.integers(0, 2**40), st.integers(0, 5))
def test_an_epoch_shows_every_example_at_most_once(sizes: tuple[int, int], seed: int, epoch: int) -> None:
    size, batch_size = sizes
    batches = training_batches(numbered(size), batch_size, seed)
    steps = size // batch_size
    epoch_batches = [batches[step] for step in range(epoch * steps, (epoch + 1) * steps)]
    for batch in epoch_batches:
        assert_consistent(batch)
    seen = np.concatenate([batch["labels"] for batch in epoch_batches])
    assert len(seen) == steps * batch_size > size - batch_size
    assert len(set(seen.tolist())) == len(seen)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8), st.randoms())
def test_a_step_gives_its_batch_whatever_came_before(steps: list[int], random: object) -> None:
    sets = numbered(20)
    batches = training_batches(sets, 6, seed=3)
    first = {step: batches[step] for step in steps}
    shuffled = list(steps)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for step in shuffled:
        assert_same(batches[step], first[step])
        assert_same(training_batches(sets, 6, seed=3)[step], first[step])


def test_shapes_and_dtypes() -> None:
    batch = training_batches(numbered(10), 4, seed=0)[7]
    assert {name: (values.shape, values.dtype) for name, values in batch.items()} == {
        "points": ((4, MAX_POINTS, 3), np.float32),
        "mask": ((4, MAX_POINTS), bool),
        "labels": ((4,), np.int32),
        "key": ((2,), np.uint32),
    }


def epoch_order(seed: int, epoch: int) -> list[int]:
    batches = training_batches(numbered(64), 8, seed)
    return [n for step in range(8 * epoch, 8 * epoch + 8) for n in batches[step]["labels"].tolist()]


def test_epochs_and_seeds_differ() -> None:
    orders = {tuple(epoch_order(seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16  # in Grain's own shuffle, seed 1 starts where seed 0 goes on


@dataclass(frozen=True, eq=False)
class OnDisk:
    """What passes for a split on disk: examples that must be asked for, one of which may be broken."""

    examples: PointSets
    broken: int = -1
    kind: ClassVar[type[Examples]] = PointSets

    def __len__(self) -> int:
        return len(self.examples)

    def take(self, which: np.ndarray) -> PointSets:
        if self.broken in which:
            raise UserError(f"row {self.broken} is broken")
        return self.examples.take(which)

    def model_arguments(self) -> dict[str, Any]:
        return self.examples.model_arguments()


@pytest.mark.parametrize("first", [0, 7])
@pytest.mark.parametrize("on_disk", [False, True])
def test_a_stream_gives_what_random_access_gives(on_disk: bool, first: int) -> None:
    examples = OnDisk(numbered(10)) if on_disk else numbered(10)
    batches = training_batches(examples, 3, seed=1)
    assert len(batches) > 10**15
    with contextlib.closing(stream(batches, first)) as found:
        for step, batch in enumerate(itertools.islice(found, 40), first):
            assert_same(batch, training_batches(numbered(10), 3, seed=1)[step])
    evaluated = list(stream(evaluation_batches(examples, 4)))
    assert [batch["labels"].tolist() for batch in evaluated] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 0]]


@pytest.mark.parametrize("end", ["the last batch", "closed", "an error"])
def test_no_thread_outlives_its_stream(end: str) -> None:
    before = set(threading.enumerate())
    if end == "the last batch":
        assert len(list(stream(evaluation_batches(OnDisk(numbered(10)), 4)))) == 3
    elif end == "closed":
        with contextlib.closing(stream(training_batches(OnDisk(numbered(10)), 3, seed=1))) as found:
            next(found)
    else:
        with pytest.raises(UserError, match="row 4 is broken"):
            list(stream(training_batches(OnDisk(numbered(10), broken=4), 3, seed=1)))
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(10)
    assert not any(thread.is_alive() for thread in left)


@given(SIZES, st.integers(1, 4))
def test_processes_share_out_the_batches_of_one(sizes: tuple[int, int], count: int) -> None:
    size, part = sizes
    size, batch_size = size * count, part * count
    sets = numbered(size)
    for of, make in (
        ("training", lambda p: training_batches(sets, batch_size, 3, p)),
        ("evaluation", lambda p: evaluation_batches(sets, batch_size, p)),
    ):
        whole, parts = make((0, 1)), [make((index, count)) for index in range(count)]
        for step in range(min(3, len(whole))):
            ids = [batches.example_ids(step) for batches in parts]
            np.testing.assert_array_equal(np.concatenate(ids), whole.example_ids(step))
            batches = [batches[step] for batches in parts]
            for name, values in whole[step].items():
                if name == "key":
                    assert all((batch["key"] == values).all() for batch in batches), of
                else:
                    np.testing.assert_array_equal(np.concatenate([batch[name] for batch in batches]), values)


def test_ids_are_the_rows_of_the_split() -> None:
    sets = numbered(20)
    batches = training_batches(sets, 6, seed=3)
    for step in (0, 1, 50):
        np.testing.assert_array_equal(batches.example_ids(step), batches[step]["labels"])


def test_rejects_batches_that_do_not_divide() -> None:
    with pytest.raises(UserError, match=r"^trainer\.batch_size=6: does not divide .* a multiple of 4$"):
        training_batches(numbered(10), 6, 0, process=(1, 4))


def test_survives_the_way_to_another_process() -> None:
    batches = training_batches(numbered(10), 3, seed=1)
    assert_same(pickle.loads(pickle.dumps(batches))[17], batches[17])  # noqa: S301


def test_a_batch_is_the_callers_to_change() -> None:
    sets = numbered(10)
    batch = training_batches(sets, 10, seed=1)[0]
    batch["points"][:] = -1
    assert_consistent(training_batches(sets, 10, seed=1)[0])


def test_rejects_batches_that_cannot_be_filled() -> None:
    with pytest.raises(UserError, match=r"^trainer\.batch_size=11: there are 10 .* at most 10$"):
        training_batches(numbered(10), 11, seed=0)
    assert len(training_batches(numbered(10), 10, seed=0)[0]["labels"]) == 10


@pytest.mark.parametrize("batch_size", [0, -3])
def test_rejects_batches_of_nothing(batch_size: int) -> None:
    with pytest.raises(UserError, match=f"batch_size={batch_size}: .* make it at least 1"):
        training_batches(numbered(10), batch_size, seed=0)


def test_rejects_a_negative_seed() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        training_batches(numbered(10), 3, seed=-1)


@given(st.integers(0, 40), st.integers(1, 50))
def test_evaluation_sees_everything_once_in_order(size: int, batch_size: int) -> None:
    sets = numbered(size)
    batches = list(evaluation_batches(sets, batch_size))
    assert len(batches) == -(-size // batch_size)
    for batch in batches:
        assert batch["points"].shape == (batch_size, MAX_POINTS, 3)
        assert batch["mask"].shape == (batch_size, MAX_POINTS)
        assert batch["labels"].shape == batch["valid"].shape == (batch_size,)
        assert batch["valid"].dtype == bool
        for name in ("points", "mask", "labels"):
            assert batch[name].dtype == getattr(sets, name).dtype
            assert not batch[name][~batch["valid"]].any()
    for name in ("points", "mask", "labels"):
        found = [batch[name][batch["valid"]] for batch in batches]
        np.testing.assert_array_equal(np.concatenate([getattr(sets, name)[:0], *found]), getattr(sets, name))


def test_evaluation_pads_the_last_batch_alone() -> None:
    first, last = evaluation_batches(numbered(5), 3)
    assert first["valid"].tolist() == [True, True, True]
    assert last["valid"].tolist() == [True, True, False]
