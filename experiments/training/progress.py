"""Progress of a run on the screen: a bar in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Shows step, loss, other metrics and speed while a run trains.

    Args:
        steps: length of the run.
        start: step it begins at, for a resumed run.
        stream: where to write; standard error by default.
    """

    def __init__(self, steps: int, start: int = 0, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._steps = steps
        self._step = self._first = start
        self._bar: tqdm | None = None
        self._began = self._said = 0.0

    def __enter__(self) -> Self:
        self._began = self._said = time.monotonic()
        if self._stream.isatty():
            self._bar = tqdm(
                total=self._steps, initial=self._first, unit="step", file=self._stream, dynamic_ncols=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, step: int, metrics: Mapping[str, float]) -> None:
        """Shows the training loss and other metrics after `step` steps."""
        if self._bar is not None:
            self._bar.set_postfix_str(described(metrics), refresh=False)
            self._bar.update(step - self._step)
        elif step == self._first + 1:  # too early for a speed: several steps may have been taken in one call
            self.say(f"step {step}/{self._steps}  {described(metrics)}")
        elif time.monotonic() - self._said > _SECONDS_BETWEEN_LINES:
            speed = (step - self._first) / (time.monotonic() - self._began)
            self.say(f"step {step}/{self._steps}  {described(metrics)}  {speed:.1f} steps/s")
        self._step = step

    def say(self, line: str) -> None:
        """Writes a line above the bar."""
        self._said = time.monotonic()
        if self._bar is not None:
            self._bar.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)


def described(metrics: Mapping[str, float]) -> str:
    """Returns the metrics in a line, the loss in one digit more than the others."""
    return "  ".join(
        f"{name.replace('_', ' ')} {value:.{4 if name == 'loss' else 3}f}" for name, value in metrics.items()
    )
