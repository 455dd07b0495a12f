"""Ctrl-C, a launcher that ends its ranks, a terminal that is gone: KeyboardInterrupt.

But in no library that is being loaded.
"""

from __future__ import annotations

import signal
import time
from types import FrameType

from mpirender.units import Seconds

__all__ = ["catch_interrupts"]

_LATER: Seconds = 0.01  # after a look at a library that is being loaded
_LOADER = "<frozen importlib._bootstrap>"
_QUIET: Seconds = 1.0  # enough to put all away


class _Interruption:
    """What signals do to this process."""

    def __init__(self) -> None:
        self._quiet_until: Seconds = float("-inf")

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now < self._quiet_until:
            return
        while frame:
            if frame.f_code.co_filename == _LOADER:
                signal.signal(signal.SIGALRM, self)
                signal.setitimer(signal.ITIMER_REAL, _LATER)
                return
            frame = frame.f_back
        self._quiet_until = now + _QUIET
        raise KeyboardInterrupt


def catch_interrupts() -> None:
    """Raise KeyboardInterrupt at SIGINT, SIGTERM and SIGHUP, wherever this process is by then.

    But for libraries that are being loaded: compiled ones make an ImportError of it or end the
    process, so it waits until they are. Those who are impatient, and some launchers, send several;
    what comes within a second of the first does not disturb the putting away. What the process has
    been told to ignore, as a shell's ``&`` does with SIGINT and ``nohup`` with
    SIGHUP, it goes on to ignore.
    """
    interruption = _Interruption()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interruption)
