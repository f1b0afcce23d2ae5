"""Signals that ask a process to end: what is under way is saved first, and the exit status is 128 + n."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar, Self

# Of Ctrl-C, of `kill`, of a terminal that closes, of schedulers. Windows lacks some; SIGUSR2 is submitit's.
SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
_SENT_TWICE = (
    0.05  # seconds within which a second signal is the first: `timeout` tells a process and its group
)


class Stopped(SystemExit):
    """A signal has asked the process to end; where nobody catches it, the exit status is 128 + n.

    Attributes:
        number: of the signal.
        step: after how many steps of training; None outside of it.
        told: whether the user has been told of it, and how to go on.
    """

    told = False

    def __init__(self, number: int, step: int | None = None) -> None:
        super().__init__(128 + number)
        self.number, self.step = number, step

    def __str__(self) -> str:
        where = "" if self.step is None else f" at step {self.step}"
        return f"stopped by {signal.Signals(self.number).name}{where}"


class StopSignals:
    """Notes the first signal that asks to end, for whoever looks; the second ends the process at once.

    A context manager; the handlers from before are back after it. It does nothing in a thread, where Python
    handles no signals, and leaves alone what is ignored, as SIGHUP is under `nohup`.

    Args:
        then: called with the number as soon as the signal comes; it may raise.
        left: signals that somebody else looks after.

    Attributes:
        number: of the first signal that came; None before.
    """

    _around: ClassVar[list["StopSignals"]] = []

    def __init__(self, then: Callable[[int], object] = lambda _: None, left: Collection[int] = ()) -> None:
        self.number: int | None = None
        self._then, self._left = then, left
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if number not in self._left and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
            # What a handler raises is lost where C has called Python, as within a compilation: so what came
            # before, and has not ended the block around this one, counts here.
            came = [around.number for around in self._around if around.number is not None]
            self._around.append(self)
            if came:
                self.number = came[0]
                self._then(came[0])
        return self

    def __exit__(self, *_: object) -> None:
        if self in self._around:
            self._around.remove(self)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.number is not None:
            return
        self.number = number
        time.sleep(_SENT_TWICE)
        for other in self._before:
            signal.signal(other, signal.SIG_DFL)
        self._then(number)

    def hand_back(self) -> None:
        """Calls what handled the signal before, where that is not Python or we: submitit requeues a job."""
        before = self._before.get(self.number or 0)
        if callable(before) and before is not signal.default_int_handler and before.__module__ != __name__:
            before(self.number, None)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Has a signal raise `Stopped` wherever the block is, and whoever handled it before called in the end.

    Raises:
        Stopped: a signal has come.
    """

    def stop(number: int) -> None:
        raise Stopped(number)

    with StopSignals(stop) as signals, _raised_again():
        try:
            yield
        except Stopped as stopped:
            signals.number = stopped.number
            signals.hand_back()
            raise


@contextmanager
def _raised_again() -> Iterator[None]:
    """Raises `Stopped` once more where it came while C had called Python, in a garbage collection say.

    There Python prints an exception and goes on.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)
        raise Stopped(number)

    def hook(lost: Any) -> None:
        if not isinstance(lost.exc_value, Stopped):
            before(lost)
            return
        number = lost.exc_value.number
        signal.signal(number, stop)
        threading.Timer(_SENT_TWICE, signal.raise_signal, (number,)).start()

    before, sys.unraisablehook = sys.unraisablehook, hook
    try:
        yield
    finally:
        sys.unraisablehook = before
