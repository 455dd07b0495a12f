"""How long ranks have been silent."""

from __future__ import annotations

from collections.abc import Collection
from itertools import takewhile

from mpirender.units import Seconds

__all__ = ["LONGEST_TICK", "LOST_AFTER", "Silence", "report_every"]

LOST_AFTER: Seconds = 60.0
"""Silence after which a rank counts as dead; ranks speak every few seconds even when idle."""

LONGEST_TICK: Seconds = 10.0
"""A longer time between two ticks means that rank 0 itself stood still, not the others."""

_REPORT_EVERY: Seconds = 0.5
_REPORT_AT_LEAST_EVERY: Seconds = LOST_AFTER / 6  # idle ranks report four times less often
_REPORTS_A_SECOND = 4000  # which take rank 0 a fifth of a core; ends are foretold by them


def report_every(ranks: int) -> Seconds:
    """Return the time from one report of a rank with a task to the next, in a run of so many."""
    return min(max(_REPORT_EVERY, ranks / _REPORTS_A_SECOND), _REPORT_AT_LEAST_EVERY)


class Silence:
    """When each rank was last heard of; its clock begins with the first tick."""

    def __init__(self) -> None:
        self._heard: dict[int, Seconds] = {}  # the longest silent one first
        self._last_tick: Seconds | None = None

    @property
    def ranks(self) -> Collection[int]:
        """All ranks that are listened for."""
        return self._heard.keys()

    def end(self, rank: int, now: Seconds) -> None:
        """Note that a rank has spoken."""
        self._heard.pop(rank, None)
        self._heard[rank] = now

    def tick(self, now: Seconds, alive: Collection[int]) -> list[int]:
        """Let time pass; return the ranks that have been silent for too long, each once.

        Parameters
        ----------
        now : float
        alive : collection of int
            Ranks that should speak.
        """
        if self._last_tick is None:
            for rank in alive:
                self._heard.setdefault(rank, now)
        elif (pause := now - self._last_tick) > LONGEST_TICK:
            self._heard = {rank: heard + pause for rank, heard in self._heard.items()}
        self._last_tick = now
        silent = list(takewhile(lambda rank: now - self._heard[rank] > LOST_AFTER, self._heard))
        for rank in silent:
            del self._heard[rank]
        return silent
