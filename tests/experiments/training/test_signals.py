"""Signals: noted once, twice the end, and handed back to whoever handled them before."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from experiments.training.signals import SIGNALS, Stopped, StopSignals, ended_by_signals
from tests.experiments.conftest import CONFIGS


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_is_noted_and_the_handlers_come_back(number):
    before = [signal.signal(other, signal.default_int_handler) for other in SIGNALS]
    try:
        with StopSignals() as signals:
            assert signals.number is None
            signal.raise_signal(number)
            assert signals.number == number
            assert signal.getsignal(number) is signal.SIG_DFL, "a second one does not end the process"
        assert {signal.getsignal(other) for other in SIGNALS} == {signal.default_int_handler}
    finally:
        for other, handler in zip(SIGNALS, before, strict=True):
            signal.signal(other, handler)


def test_outside_of_training_it_ends_what_is_under_way():
    with pytest.raises(Stopped) as stopped, ended_by_signals():
        signal.raise_signal(signal.SIGTERM)
    assert stopped.value.code == 143
    assert str(stopped.value) == "stopped by SIGTERM"


def test_a_scheduler_that_handles_it_too_is_called_in_the_end():
    called = []

    def train():
        with StopSignals() as signals:
            signal.raise_signal(signal.SIGUSR2)
            assert not called
            raise Stopped(signals.number, step=3)

    before = signal.signal(signal.SIGUSR2, lambda number, _: called.append(number))
    try:
        with pytest.raises(Stopped), ended_by_signals(), ended_by_signals():
            train()
        assert called == [signal.SIGUSR2]
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            signal.raise_signal(signal.SIGHUP)
        assert signals.number is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGTERM)
    found = []

    def look():
        with StopSignals():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]


SLOW_SAVE = """
import time
from experiments.training.signals import StopSignals

with StopSignals() as signals:
    print("begun", flush=True)
    while signals.number is None:
        time.sleep(0.001)
    print("saves", flush=True)
    time.sleep(seconds)
    raise SystemExit(128 + signals.number)
"""


@pytest.mark.parametrize(
    ("seconds", "gap", "status"),
    [(0.3, 0.0, 143), (60, 0.2, -signal.SIGTERM)],
    ids=["sent twice at once", "a second one during the save"],
)
def test_a_second_signal(seconds, gap, status):
    command = [sys.executable, "-c", SLOW_SAVE.replace("seconds", str(seconds))]
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(CONFIGS.parent)}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        time.sleep(gap)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == status


def test_a_signal_whose_error_was_lost_counts_in_the_block_within():
    with StopSignals() as around:
        signal.raise_signal(signal.SIGUSR1)
        assert around.number == signal.SIGUSR1
        with StopSignals() as within:
            assert within.number == signal.SIGUSR1
    with StopSignals() as later:
        assert later.number is None


def test_what_python_would_print_and_forget_is_raised_again(capfd):
    class Sends:
        def __del__(self):
            signal.raise_signal(signal.SIGUSR1)  # which raises here, where nobody can catch it

    def work():
        Sends()
        for _ in range(1000):
            time.sleep(0.01)

    with pytest.raises(Stopped, match=r"^stopped by SIGUSR1$"), ended_by_signals():
        work()
    assert capfd.readouterr().err == ""
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
