"""The one place where a rank sleeps."""

from __future__ import annotations

import select
import time
from collections.abc import Collection

from mpirender.units import Seconds

__all__ = ["Backoff"]


_DEAF: Seconds = 0.01  # after each look, so that who speaks without end does not keep a rank awake


class Backoff:
    """Sleep a little longer each time nothing happens.

    A rank that waits in MPI takes half a core from the renderer beside it; one that looks, sleeps
    and looks again takes a few thousandths.

    Parameters
    ----------
    shortest, longest : float
        First and last step in seconds.
    growth : float
        Of each step over the one before.
    """

    def __init__(
        self, shortest: Seconds = 1e-3, longest: Seconds = 0.06, *, growth: float = 2.0
    ) -> None:
        self._shortest = shortest
        self._longest = longest
        self._growth = growth
        self._step = shortest

    def reset(self) -> None:
        """Something happened: look again soon."""
        self._step = self._shortest

    def sleep(self, ears: Collection[int] = ()) -> Seconds:
        """Nothing happened: sleep, and longer the next time; return how long at most.

        Parameters
        ----------
        ears : collection of int
            Files in which something may be said: then it is time to wake up.
        """
        slept = self._step
        time.sleep(min(slept, _DEAF) if ears else slept)
        if ears and slept > _DEAF:
            words = select.poll()  # select takes no file from number 1024 on
            for ear in ears:
                words.register(ear, select.POLLIN)
            words.poll(1000 * (slept - _DEAF))
        self._step = min(slept * self._growth, self._longest)
        return slept
