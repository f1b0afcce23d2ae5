"""What the jobs of a sweep note as they begin and end, whatever process they are in."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LEDGER_FILE = ".progress.jsonl"

Event = Literal["began", "trained", "passed"]


@dataclass(frozen=True)
class Entry:
    """Something that happened to a run.

    Attributes:
        run: its directory.
        event: it began; or it ended and was trained; or it ended without, being finished before or failing.
        time: seconds since the epoch.
        summary: when the summary in its directory was written, in nanoseconds; 0 if there is none.
    """

    run: str
    event: Event
    time: float
    summary: int


class Ledger:
    """The entries of a sweep, in a file in its directory.

    Args:
        directory: the sweep's.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / LEDGER_FILE

    def note(self, run: str, event: Event, summary: int) -> None:
        """Adds an entry, in one write, so that jobs side by side leave whole lines."""
        entry = {"run": run, "event": event, "time": time.time(), "summary": summary}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def entries(self) -> list[Entry]:
        """Returns what has been noted since the sweep began."""
        if not self._path.is_file():
            return []
        return [Entry(**json.loads(line)) for line in self._path.read_text(encoding="utf-8").splitlines()]

    def clear(self) -> None:
        """Begins anew."""
        self._path.unlink(missing_ok=True)
