"""Which of the running tasks is to be relieved first, found fast among thousands."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from itertools import count

from mpirender.schedule.entry import Entry
from mpirender.units import Seconds

__all__ = ["Ends"]

_FEW = 16  # tasks that are all looked at whenever the question is asked
_LOOK_EVERY: Seconds = 3e-4  # for each task; to look at one takes some microseconds
_OFTEN_ENOUGH: Seconds = 1.0
_LOOK_AT_MOST_EVERY: Seconds = 1e-4  # for each of many thousands; a tenth of a core of rank 0
_BLOCKS = 3  # of the dearest, that a task is taken to have more, where they do not double its time
_UNKNOWN: tuple[Seconds, Seconds] = 0.0, 0.0


class Ends:
    """Running tasks in the order of their expected ends, as if each had a few blocks more.

    So of two that will end together the one with the dearer blocks comes last: what has been begun
    cannot be divided, and a dear block that is begun at the end is what all would wait for.

    Ends move as time goes by, and to look at thousands of tasks at every question would take the
    root longer than its other work. So many are all looked at only now and then; in between, those
    that have been added come in, and only those that come first are looked at anew.

    Parameters
    ----------
    outlook : callable
        Takes a running task and the time; returns in how many seconds it should end, 0 where
        nothing is known, and how many its dearest block should take.

    References
    ----------
    R. L. Graham: Bounds on multiprocessing timing anomalies. SIAM Journal on Applied Mathematics
    17 (2), 1969; what takes longest is begun first.
    """

    def __init__(self, outlook: Callable[[Entry, Seconds], tuple[Seconds, Seconds]]) -> None:
        self._outlook = outlook
        self._stale_at: Seconds = float("-inf")
        self._numbers = count()
        self._heap: list[tuple[Seconds, int, Entry]] = []  # minus such an end, a number, the task

    def last(
        self, held: Mapping[int, Mapping[int, Entry]], rank: int, now: Seconds, most: int = 1
    ) -> list[tuple[Entry, Seconds]]:
        """Return the tasks that come last, each with the seconds in which it will end.

        Parameters
        ----------
        held : mapping
            Rank → task id → running task.
        rank : int
            Whose own tasks do not count.
        now : float
        most : int
            How many are wanted.

        Returns
        -------
        tasks : list of (Entry, float)
            The last one first. Less than `most` where the ends of less are known.
        """
        if len(held) <= _FEW or now >= self._stale_at:
            self._look(held, now)
        aside: list[tuple[Seconds, int, Entry]] = []
        found: list[tuple[Entry, Seconds]] = []
        while self._heap and len(found) < most:
            _, number, task = self._heap[0]
            left, dearest = self._outlook(task, now) if task.rank is not None else _UNKNOWN
            if left <= 0:
                heapq.heappop(self._heap)
                continue
            heapq.heapreplace(self._heap, (_place(left, dearest, now), number, task))
            if self._heap[0][2] is task:
                aside.append(heapq.heappop(self._heap))
                found += [(task, left)] if task.rank != rank else []
        for item in aside:
            heapq.heappush(self._heap, item)
        return found

    def add(self, task: Entry, now: Seconds) -> None:
        """Count in what has become known of a task, unless all will be looked at before long."""
        left, dearest = self._outlook(task, now) if now < self._stale_at else _UNKNOWN
        if left > 0:
            heapq.heappush(self._heap, (_place(left, dearest, now), next(self._numbers), task))

    def _look(self, held: Mapping[int, Mapping[int, Entry]], now: Seconds) -> None:
        """Look at all running tasks."""
        self._heap = []
        for of_rank in held.values():
            for task in of_rank.values():
                left, dearest = self._outlook(task, now)
                if left > 0:
                    item = _place(left, dearest, now), next(self._numbers), task
                    self._heap.append(item)
        heapq.heapify(self._heap)
        pause = min(_LOOK_EVERY * len(held), _OFTEN_ENOUGH)
        self._stale_at = now + max(pause, _LOOK_AT_MOST_EVERY * len(held))


def _place(left: Seconds, dearest: Seconds, now: Seconds) -> Seconds:
    """Return minus the end that a task is given for its place among the others."""
    return -now - left - min(left, _BLOCKS * dearest)
