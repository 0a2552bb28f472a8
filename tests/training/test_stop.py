"""A first signal is noted, a second one ends the process, and the handlers are given back."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from gansmith.training.stop import SIGNALS, Stop, exit_code

# Loads the file alone: the package would take seconds to import torch.
CHILD = """
import importlib.util, os, signal, sys, time
spec = importlib.util.spec_from_file_location("stop", sys.argv[1])
stop_module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stop_module)
with stop_module.Stop() as stop:
    print("ready", flush=True)
    while not stop.requested:
        time.sleep(0.01)
    print("noted", stop.signal, flush=True)
    if sys.argv[2] == "hang":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [])
        time.sleep(60)
sys.exit(stop_module.exit_code(stop.signal))
"""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = [signal.getsignal(s) for s in SIGNALS]
    yield
    assert [signal.getsignal(s) for s in SIGNALS] == before


@pytest.mark.parametrize("signum", SIGNALS)
def test_the_first_signal_is_noted(signum: int) -> None:
    with Stop() as stop:
        assert not stop.requested
        assert stop.signal is None
        signal.raise_signal(signum)
        assert stop.requested
        assert stop.signal == signum


def test_one_of_each_kind_is_one_request() -> None:
    """A launcher that is interrupted passes on SIGTERM beside the terminal's SIGINT: that is not a second wish."""
    with Stop() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGINT  # the first one decides the exit code


def test_handlers_come_back_after_an_error_and_after_a_signal() -> None:
    def mine(signum: int, frame: object) -> None: ...

    def fail() -> None:
        with Stop():
            signal.raise_signal(signal.SIGTERM)
            raise KeyError

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with pytest.raises(KeyError):
            fail()
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_outside_the_main_thread_it_does_nothing() -> None:
    seen = []

    def work() -> None:
        with Stop() as stop:
            seen.append((stop.requested, [signal.getsignal(s) for s in SIGNALS]))

    before = [signal.getsignal(s) for s in SIGNALS]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]


def child(mode: str) -> subprocess.Popen[str]:
    file = sys.modules[Stop.__module__].__file__
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(file), mode], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("signum", SIGNALS)
def test_the_exit_code_is_the_documented_one(signum: int) -> None:
    process = child("leave")
    process.send_signal(signum)
    out, _ = process.communicate(timeout=20)
    assert out == f"noted {int(signum)}\n"
    assert process.returncode == exit_code(signum) == {signal.SIGINT: 130, signal.SIGTERM: 143}[signum]


@pytest.mark.parametrize("signum", SIGNALS)
def test_the_second_signal_ends_a_process_that_hangs(signum: int) -> None:
    process = child("hang")
    process.send_signal(signum)
    assert process.stdout is not None
    assert process.stdout.readline() == f"noted {int(signum)}\n"
    os.kill(process.pid, signum)
    process.communicate(timeout=20)
    assert process.returncode == -signum  # by the signal itself, without waiting for the 60 s of sleep
