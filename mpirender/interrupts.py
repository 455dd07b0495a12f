"""Ctrl-C, and a launcher that ends its ranks: KeyboardInterrupt, but in no loading library."""

from __future__ import annotations

import signal
from types import FrameType

from mpirender.units import Seconds

__all__ = ["catch_interrupts"]

_LATER: Seconds = 0.01  # after a look at a library that is being loaded
_LOADER = "<frozen importlib._bootstrap>"


def catch_interrupts() -> None:
    """Raise KeyboardInterrupt at SIGINT and SIGTERM, wherever this process is by then.

    But for libraries that are being loaded: compiled ones make an ImportError of it or end the
    process, so it waits until they are. What the process has been told to ignore, as a shell's
    ``&`` does with SIGINT, it goes on to ignore.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    while frame:
        if frame.f_code.co_filename == _LOADER:
            signal.signal(signal.SIGALRM, _interrupt)
            signal.setitimer(signal.ITIMER_REAL, _LATER)
            return
        frame = frame.f_back
    raise KeyboardInterrupt
