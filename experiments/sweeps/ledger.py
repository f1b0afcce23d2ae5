"""What the jobs of a sweep note as they begin and end, whatever process they are in."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from experiments.files import open_to_append, read_json_lines, to_json, write_text

LEDGER_FILE = ".progress.jsonl"

Event = Literal["began", "trained", "passed"]


@dataclass(frozen=True)
class Entry:
    """Something that happened to a run.

    Attributes:
        run: its directory.
        event: it began; or it ended and was trained; or it ended without, being finished before or failing.
        time: seconds since the epoch.
    """

    run: str
    event: Event
    time: float


class Ledger:
    """What has been noted of a sweep, in a file in its directory.

    Args:
        directory: the sweep's.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / LEDGER_FILE

    def begin(self, jobs: int, varying: Sequence[str]) -> None:
        """Begins anew: with how many jobs there are, and the keys and groups that differ between them."""
        write_text(self.path, to_json({"jobs": jobs, "varying": varying}) + "\n")

    def note(self, run: str, event: Event) -> None:
        """Adds an entry, in one write, so that jobs side by side leave whole lines."""
        with open_to_append(self.path) as file:
            file.write(to_json(asdict(Entry(run, event, time.time()))) + "\n")

    def read(self) -> tuple[int, list[str], list[Entry]]:
        """Returns how many jobs there are, what differs between them, and what has happened to them."""
        (begun, *entries), _ = read_json_lines(self.path)
        return begun["jobs"], begun["varying"], [Entry(**entry) for entry in entries]
