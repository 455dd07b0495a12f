"""What a rank without work could do for one that has too much, or that may never be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mpirender.model import Tile
from mpirender.partition import FramePartition, Partition
from mpirender.policy import Policy, Takeover
from mpirender.schedule.ends import Ends
from mpirender.schedule.entry import Entry
from mpirender.schedule.lessons import Lessons, unfinished
from mpirender.units import Seconds

__all__ = ["Help", "Relief"]

_TRIES = 3  # tasks to look at; the first may have dear blocks, but not enough of them
_TOO_LONG = 4.0  # times what it would take another rank: surprising pictures are wrong by less
_LATE: Seconds = 2.0  # and so many seconds at least
_SCAN_EVERY: Seconds = 0.5  # for what may be overdue; there may be thousands of tasks


@dataclass(frozen=True, slots=True)
class Help:
    """What a rank is to take over from another one.

    Attributes
    ----------
    task : Entry
        Of the other one.
    tile : Tile or None
        The far part of it; None for the whole task, where it has not been begun.
    expected : float
        Seconds that a block of the part should take the newcomer.
    """

    task: Entry
    tile: Tile | None = None
    expected: Seconds = 0.0


class Relief:
    """Finds the task that is to be relieved first, and what of it is worth taking.

    Parameters
    ----------
    partition : Partition or FramePartition
    policy : Policy
    lessons : Lessons
    """

    def __init__(
        self, partition: Partition | FramePartition, policy: Policy, lessons: Lessons
    ) -> None:
        self._partition = partition
        self._policy = policy
        self._lessons = lessons
        self._ends = Ends(lessons.outlook)
        self._scan_at: Seconds = float("-inf")

    def add(self, task: Entry, now: Seconds) -> None:
        """Count in what has become known of a running task."""
        self._ends.add(task, now)

    def find(self, held: Mapping[int, Mapping[int, Entry]], rank: int, now: Seconds) -> Help | None:
        """Return what a rank is to take over; None if it had better wait.

        Parameters
        ----------
        held : mapping
            Rank → task id → running task.
        rank : int
            Without work, or about to be.
        now : float
        """
        longest = 0.0
        for task, seconds_left in self._ends.last(held, rank, now, _TRIES):
            if seconds_left <= longest:
                continue  # it is worth less than one that was not worth it
            if found := self._part_of(task, seconds_left, held, rank, now):
                return found
            longest = seconds_left
        return None

    def _part_of(
        self,
        task: Entry,
        seconds_left: Seconds,
        held: Mapping[int, Mapping[int, Entry]],
        rank: int,
        now: Seconds,
    ) -> Help | None:
        """Return what a rank is to take over of a task."""
        left = unfinished(task, self._partition.units_of(task.task.tile), now)
        parts = self._partition.far_parts(task.task.tile, left)
        times = self._lessons.times_of(left, task, seconds_left, now)
        offer = self._lessons.takeover(rank, task, times, [blocks for _, blocks in parts])
        if not (parts or self._partition.divides):
            if task.rank is None or rank in held:
                return None
            return self._waiting_of(held[task.rank], offer, now)
        index = self._policy.part_to_take(offer)
        if index is None:
            return None
        blocks, seconds = offer.parts[index]
        return Help(task, parts[index][0], seconds / blocks / offer.speed)

    def late(self, held: Mapping[int, Mapping[int, Entry]], now: Seconds) -> list[Entry]:
        """Return tasks that may be overdue; none of what has a copy, or is one.

        Parameters
        ----------
        held : mapping
            Rank → task id → running task.
        now : float
            Nothing is looked at, and nothing returned, if it has been a moment ago.
        """
        if now < self._scan_at:
            return []
        self._scan_at = now + _SCAN_EVERY
        begun = (next(iter(tasks.values())) for tasks in held.values())
        return [
            task
            for task in begun
            if now - task.since >= _LATE and task.left and not task.copy and not task.is_spare
        ]

    def copy_of(self, task: Entry, rank: int, now: Seconds) -> Tile | None:
        """Return what a rank is to begin anew of a late task; None if it may yet be done in time.

        References
        ----------
        J. Dean, S. Ghemawat: MapReduce, simplified data processing on large clusters. OSDI 2004;
        their backup tasks.
        """
        anew = self._lessons.anew(task, rank, self._partition.size_of(task.task.tile))
        if not 0 < _TOO_LONG * anew < now - task.since or task.seconds_told() <= anew:
            return None
        tile, *others = self._partition.tiles_of(task.left)
        return None if others else tile

    def _waiting_of(self, tasks: Mapping[int, Entry], offer: Takeover, now: Seconds) -> Help | None:
        """Return the task that a rank has for later, when what it does now cannot be divided."""
        before, *others = tasks.values()
        if not others or not (waiting := others[-1]).expected:
            return None
        units, each = len(waiting.left), waiting.expected
        left = self._lessons.outlook(before, now)[0] + units * each
        offer = replace(offer, seconds_left=left, parts=[(units, units * each)])
        if self._policy.part_to_take(offer) is None:
            return None
        return Help(waiting)
