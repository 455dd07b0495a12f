"""The one place where a rank sleeps."""

from __future__ import annotations

import time

from mpirender.units import Seconds

__all__ = ["Backoff"]


class Backoff:
    """Sleep a little longer each time nothing happens.

    A rank that waits in MPI takes half a core from the renderer beside it; one that looks, sleeps
    and looks again takes a few thousandths.

    Parameters
    ----------
    shortest, longest : float
        First and last step in seconds.
    """

    def __init__(self, shortest: Seconds = 1e-3, longest: Seconds = 0.06) -> None:
        self._shortest = shortest
        self._longest = longest
        self._step = shortest

    def reset(self) -> None:
        """Something happened: look again soon."""
        self._step = self._shortest

    def sleep(self) -> Seconds:
        """Nothing happened: sleep, and longer the next time; return how long."""
        slept = self._step
        time.sleep(slept)
        self._step = min(slept * 1.5, self._longest)
        return slept
