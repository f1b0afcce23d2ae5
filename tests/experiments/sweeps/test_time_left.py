"""Times worked by hand: 6 runs, of which those trained take 10 s each."""

import pytest

from experiments.sweeps.ledger import Entry, Ledger
from experiments.sweeps.time_left import described, runs_done, seconds_left


def began(run, time):
    return Entry(run, "began", time)


def trained(run, time):
    return Entry(run, "trained", time)


def passed(run, time):
    return Entry(run, "passed", time)


FIRST = [began("a", 0.0), trained("a", 10.0)]


@pytest.mark.parametrize(
    ("entries", "done", "left"),
    [
        ([], 0, None),
        ([began("a", 0.0)], 0, None),
        ([began("a", 0.0), passed("a", 0.1), began("b", 0.1), passed("b", 0.2)], 2, None),
        (FIRST, 1, 50.0),
        # What passes at once is done, and does not make the others any faster.
        ([*FIRST, began("b", 10.0), passed("b", 10.1)], 2, 40.0),
        ([*FIRST, *[began(run, 10.0) for run in "bcdef"], trained("b", 20.0)], 2, 0.0),
        # Two side by side, the other half way: 3 waiting and half of one, by two.
        (
            [began("a", 0.0), began("b", 5.0), trained("a", 10.0), began("c", 10.0), passed("c", 10.0)],
            2,
            17.5,
        ),
        # The last two, one half way: no more wait.
        ([*FIRST, *[passed(run, 10.0) for run in "bcd"], began("e", 5.0)], 4, 15.0 / 2),
        ([*FIRST, *[passed(run, 10.0) for run in "bcdef"]], 6, 0.0),
    ],
)
def test_time_left(entries, done, left):
    assert runs_done(entries) == done
    assert seconds_left(entries, jobs=6) == left


def test_a_duration_is_rounded_as_one_would():
    spoken = {0: "10 s", 44: "40 s", 89: "90 s", 90: "2 min", 5300: "88 min", 5400: "1 h 30 min", 7190: "2 h"}
    assert {seconds: described(seconds) for seconds in spoken} == spoken


def test_what_is_noted_is_read_back(tmp_path):
    one, other = Ledger(tmp_path), Ledger(tmp_path)
    one.begin(4, ["seed"])
    one.note("a", "began")
    other.note("b", "trained")
    jobs, varying, entries = one.read()
    assert (jobs, varying) == (4, ["seed"])
    assert [(entry.run, entry.event) for entry in entries] == [("a", "began"), ("b", "trained")]
    other.begin(2, [])
    assert one.read() == (2, [], [])
