"""Which of the running tasks will end last, found fast among thousands."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from itertools import count

from mpirender.schedule.entry import Entry
from mpirender.units import Seconds

__all__ = ["Ends"]

_FEW = 16  # tasks that are all looked at whenever the question is asked
_LOOK_EVERY: Seconds = 1e-4  # for each task; to look at one takes a few microseconds


class Ends:
    """Running tasks in the order of their expected ends.

    Ends move as time goes by, and to look at thousands of tasks at every question would take the
    root longer than its other work. So many are all looked at only now and then; in between, those
    that have been added come in, and only those that come first are looked at anew.

    Parameters
    ----------
    seconds_left : callable
        Takes a running task and the time; returns in how many seconds it will end, 0 where
        nothing is known.
    """

    def __init__(self, seconds_left: Callable[[Entry, Seconds], Seconds]) -> None:
        self._seconds_left = seconds_left
        self._stale_at: Seconds = float("-inf")
        self._numbers = count()
        self._heap: list[tuple[Seconds, int, Entry]] = []  # minus the end, a number, the task

    def last(
        self, held: Mapping[int, Mapping[int, Entry]], rank: int, now: Seconds
    ) -> tuple[Entry | None, Seconds]:
        """Return the task that will end last, and in how many seconds.

        Parameters
        ----------
        held : mapping
            Rank → task id → running task.
        rank : int
            Whose own tasks do not count.
        now : float

        Returns
        -------
        task : Entry or None
            None where the end of no task is known.
        seconds_left : float
        """
        if len(held) <= _FEW or now >= self._stale_at:
            self._look(held, now)
        own: list[tuple[Seconds, int, Entry]] = []
        found: tuple[Entry | None, Seconds] = None, 0.0
        while self._heap and found[0] is None:
            end, number, task = self._heap[0]
            left = self._seconds_left(task, now) if task.rank is not None else 0.0
            if task.rank == rank or left <= 0:
                heapq.heappop(self._heap)
                own += [(end, number, task)] if left > 0 else []
            else:
                heapq.heapreplace(self._heap, (-now - left, number, task))
                if self._heap[0][2] is task:
                    found = task, left
        for item in own:
            heapq.heappush(self._heap, item)
        return found

    def add(self, task: Entry, now: Seconds) -> None:
        """Count in what has become known of a task, unless all will be looked at before long."""
        left = self._seconds_left(task, now) if now < self._stale_at else 0.0
        if left > 0:
            heapq.heappush(self._heap, (-now - left, next(self._numbers), task))

    def _look(self, held: Mapping[int, Mapping[int, Entry]], now: Seconds) -> None:
        """Look at all running tasks."""
        tasks = [task for of_rank in held.values() for task in of_rank.values()]
        ends = [(self._seconds_left(task, now), task) for task in tasks]
        self._heap = [(-now - left, next(self._numbers), task) for left, task in ends if left > 0]
        heapq.heapify(self._heap)
        self._stale_at = now + _LOOK_EVERY * len(held)
