"""Ranks that wait for work."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import count

__all__ = ["Waiting"]


class Waiting:
    """Ranks that wait for work: those with none at all first, of these the fastest first.

    Where all are equal, it is the order in which they came. If it is not worth while for the first
    one to relieve another rank, it is not for the others either.
    """

    def __init__(self) -> None:
        self._places: dict[int, tuple[bool, float, int]] = {}
        self._queue: list[tuple[bool, float, int, int]] = []  # place and rank, sorted
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._queue)

    def __iter__(self) -> Iterator[int]:
        return (rank for *_, rank in self._queue)

    def add(self, rank: int, *, is_busy: bool, speed: float) -> None:
        """Let a rank wait; one that waits already keeps its place.

        Parameters
        ----------
        rank : int
        is_busy : bool
            Whether it has not ended the task before.
        speed : float
            Compared with that of others.
        """
        if rank not in self._places:
            self._places[rank] = is_busy, -speed, next(self._numbers)
            insort(self._queue, (*self._places[rank], rank))

    def remove(self, rank: int) -> bool:
        """Let a rank wait no longer; return whether it did."""
        place = self._places.pop(rank, None)
        if place is not None:
            del self._queue[bisect_left(self._queue, (*place, rank))]
        return place is not None
