import time

import pytest

from experiments.benchmarks import timing
from experiments.benchmarks.timing import Measurement, summarised, time_in_turn


@pytest.fixture
def calls():
    return []


def test_values_of_chance_are_summarised_by_quartiles_and_others_have_no_spread():
    assert summarised([5.0, 1.0, 2.0, 4.0, 3.0]) == Measurement(3.0, 2.0, 4.0, 5)
    assert summarised([2.0]) == Measurement(2.0, 2.0, 2.0, 1)


@pytest.mark.parametrize("short_ms", [0.0, 1e6], ids=["once a turn", "with a run uncounted"])
def test_programs_run_in_turn_and_equally_often(calls, short_ms, monkeypatch):
    monkeypatch.setattr(timing, "_SHORT_MS", short_ms)
    names = ("a", "b", "c")
    timings, _ = time_in_turn({name: lambda name=name: calls.append(name) for name in names}, seconds=0.01)
    assert list(timings) == list(names)
    assert len({t.repeats for t in timings.values()}) == 1
    runs, counted = (2 if short_ms else 1), calls[2 * len(names) :]
    turns = counted[::runs]
    assert counted == [name for name in turns for _ in range(runs)]
    rounds = [turns[i : i + len(names)] for i in range(0, len(turns), len(names))]
    assert len(rounds) == timings["a"].repeats
    assert all(sorted(r) == list(names) for r in rounds)
    assert len({tuple(r) for r in rounds}) > 1
    for t in timings.values():
        assert 0 < t.low <= t.median <= t.high


def test_a_slow_program_sits_out_but_runs_a_few_times():
    timings, _ = time_in_turn({"quick": lambda: None, "slow": lambda: time.sleep(0.02)}, seconds=0.005)
    assert timings["slow"].repeats == 3
    assert timings["quick"].repeats == 7


def greedy():
    raise RuntimeError("RESOURCE_EXHAUSTED: out of memory\nallocator: a long table")


@pytest.mark.parametrize("others", [["modest"], []])
def test_who_cannot_run_is_left_out_and_says_why(others):
    timings, failures = time_in_turn({**dict.fromkeys(others, int), "greedy": greedy}, seconds=0)
    assert list(timings) == others
    assert failures == {"greedy": "RESOURCE_EXHAUSTED: out of memory"}


def test_a_mistake_is_no_lack_of_memory():
    with pytest.raises(ZeroDivisionError):
        time_in_turn({"wrong": lambda: 1 / 0}, seconds=0)
