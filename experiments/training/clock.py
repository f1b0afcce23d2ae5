"""How long the steps of a run take."""

import contextlib
import time
from collections.abc import Iterator


class Clock:
    """Counts the seconds that go into steps."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._since = seconds, 0.0

    def start(self) -> None:
        """Counts from now on."""
        self._since = time.perf_counter()

    def read(self) -> float:
        """Returns how many there are by now."""
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now
        return self.seconds

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves out what is done in a block."""
        try:
            yield
        finally:
            self.start()
