"""How far a sweep is, and how long it will still take."""

import statistics
from collections.abc import Sequence

from experiments.sweeps.ledger import Entry


def runs_done(entries: Sequence[Entry]) -> int:
    """Returns how many runs have ended."""
    return len({entry.run for entry in entries if entry.event != "began"})


def seconds_left(entries: Sequence[Entry], jobs: int) -> float | None:
    """Estimates when a sweep will end, from the runs it has trained so far.

    As many runs as are under way now, and the one that has just ended, go on side by side, and each takes
    the mean of those trained. What was finished before or failed tells nothing of how long a run takes.

    Args:
        entries: what has happened, at the end of a run.
        jobs: how many runs there are.

    Returns:
        Seconds; None before a run has been trained.

    >>> began, trained = Entry("a", "began", 0.0), Entry("a", "trained", 60.0)
    >>> seconds_left([began, trained], jobs=4)
    180.0
    """
    now = max((entry.time for entry in entries), default=0.0)
    began = {entry.run: entry.time for entry in entries if entry.event == "began"}
    ended = {entry.run: entry for entry in entries if entry.event != "began"}
    times = [e.time - began[run] for run, e in ended.items() if e.event == "trained" and run in began]
    if not times:
        return None
    mean = statistics.fmean(times)
    under_way = [now - began[run] for run in began if run not in ended]
    waiting = jobs - len(ended) - len(under_way)
    work = mean * waiting + sum(max(mean - spent, 0.0) for spent in under_way)
    return work / max(len(under_way) + (waiting > 0), 1)


def described(seconds: float) -> str:
    """Returns a duration as one would say it.

    >>> described(42), described(240), described(8000)
    ('40 s', '4 min', '2 h 15 min')
    """
    if seconds < 90:
        return f"{max(10 * round(seconds / 10), 10)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
