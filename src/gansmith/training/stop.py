"""Stopping when asked to: a signal is noted, and the run ends at its next step with everything saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Stop", "exit_code"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def exit_code(signum: int) -> int:
    """What a process exits with after a signal made it stop and it has saved: 130 for SIGINT, 143 for SIGTERM.

    Example:
        >>> exit_code(signal.SIGINT), exit_code(signal.SIGTERM)
        (130, 143)
    """
    return 128 + signum


class Stop:
    """While this context is open, SIGINT (Ctrl-C) and SIGTERM ask for a stop instead of ending the process.

    The second signal of a kind ends the process at once, whatever it is doing, because the first one gives the system's
    own handling back. Each kind counts by itself: a launcher may turn one Ctrl-C into a SIGINT and a SIGTERM. Outside
    the main thread, where Python allows no handlers, the context does nothing.

    Attributes:
        requested: whether a signal has come.
        signal: the number of the first one.

    Example:
        >>> with Stop() as stop:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     stop.requested, stop.signal == signal.SIGTERM
        (True, True)
    """

    def __init__(self) -> None:
        self.requested = False
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            # None: the handler was not made by Python, and cannot be given back by it.
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)
        self._before.clear()

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.requested = True
        self.signal = self.signal or signum
        signal.signal(signum, signal.SIG_DFL)
