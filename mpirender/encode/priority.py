"""Threads keep their priority when an encoder is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["ordinary_priority"]

_THREADS = Path("/proc/self/task")


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Take back the real-time priority that an encoder gives to this process's threads.

    SVT-AV1, run as root (in a container everybody is), puts its threads and the one that opens
    it under ``SCHED_FIFO``: renderers on the same cores would hardly run any more, and every
    process begun later inherits it. Threads that had it before keep it. Elsewhere than on Linux
    nothing is done.
    """
    before = _real_time()
    try:
        yield
    finally:
        for thread in _real_time() - before:
            with suppress(OSError):  # it may have ended
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _real_time() -> set[int]:
    """Return the threads of this process that have a real-time priority."""
    found = set()
    with suppress(OSError):
        for entry in _THREADS.iterdir():
            thread = int(entry.name)
            with suppress(OSError):
                if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
                    found.add(thread)
    return found
