"""What a rank without work could do for one that has too much, or that may never be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from mpirender.model import Tile
from mpirender.partition import FramePartition, Partition
from mpirender.policy import Policy, Takeover
from mpirender.schedule.ends import Ends
from mpirender.schedule.entry import Entry
from mpirender.schedule.lessons import Lessons, unfinished
from mpirender.units import Seconds

__all__ = ["Help", "Relief", "Share"]

_OVERDUE = 4.0  # times what it would take another rank: more than surprising pictures are wrong by
_LATE: Seconds = 2.0  # and so many seconds at least
_LOOK_EVERY: Seconds = 0.5  # where nothing was overdue; there may be thousands to look at


class Share(Enum):
    """What of a running task another rank takes."""

    PART = "part"
    """Its far part, which the one that has the task leaves out."""
    WAITING = "waiting"
    """All of it: the one that has the task has not begun with it."""
    COPY = "copy"
    """All that is left of it, by both: the first answer wins."""


@dataclass(frozen=True, slots=True)
class Help:
    """What a rank is to do for another one.

    Attributes
    ----------
    share : Share
    task : Entry
        Of the other one.
    tile : Tile
    expected : float
        Seconds that a block of it should take the newcomer; 0 where nothing is known.
    """

    share: Share
    task: Entry
    tile: Tile
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
        self._ends = Ends(self._outlook)
        self._nothing_overdue_until: Seconds = float("-inf")

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
        last, seconds_left = self._ends.last(held, rank, now)
        if last is None or last.rank is None:
            return None
        left = unfinished(last, self._partition.units_of(last.task.tile), now)
        parts = self._partition.far_parts(last.task.tile, left)
        times = self._lessons.times_of(left, last, seconds_left, now)
        offer = self._lessons.takeover(rank, last, times, [blocks for _, blocks in parts])
        if not (parts or self._partition.divides):
            return None if rank in held else self._waiting_of(held[last.rank], offer, now)
        index = self._policy.part_to_take(offer)
        if index is None:
            return None
        blocks, seconds = offer.parts[index]
        return Help(Share.PART, last, parts[index][0], seconds / blocks / offer.speed)

    def find_overdue(
        self, held: Mapping[int, Mapping[int, Entry]], rank: int, now: Seconds
    ) -> Help | None:
        """Return a copy of a task that should have been finished long ago; None if there is none.

        Every task is copied once at most, and none that could not have been begun.

        Parameters
        ----------
        held : mapping
            Rank → task id → running task.
        rank : int
            Without any task.
        now : float

        References
        ----------
        J. Dean, S. Ghemawat: MapReduce, simplified data processing on large clusters. OSDI 2004;
        their backup tasks.
        """
        if now < self._nothing_overdue_until:
            return None
        for tasks in held.values():
            task = next(iter(tasks.values()))
            if self._is_overdue(task, rank, now):
                tile, *others = self._partition.tiles_of(task.left)
                if not others:
                    return Help(Share.COPY, task, tile)
        self._nothing_overdue_until = now + _LOOK_EVERY
        return None

    def _is_overdue(self, task: Entry, rank: int, now: Seconds) -> bool:
        gone = now - task.since
        if gone < _LATE or not task.left or task.is_copied:
            return False
        anew = self._lessons.anew(task, rank, self._partition.size_of(task.task.tile))
        return 0 < _OVERDUE * anew < gone

    def _outlook(self, entry: Entry, now: Seconds) -> tuple[Seconds, Seconds]:
        """Return `Lessons.outlook` of a task; zeros where nobody could take anything of it."""
        return self._lessons.outlook(entry, now) if len(entry.left) > 1 else (0.0, 0.0)

    def _waiting_of(self, tasks: Mapping[int, Entry], offer: Takeover, now: Seconds) -> Help | None:
        """Return the task that a rank has for later, when what it does now cannot be divided."""
        before, *others = tasks.values()
        if not others or not (waiting := others[-1]).expected:
            return None
        units, each = len(waiting.left), waiting.expected
        left = self._outlook(before, now)[0] + units * each
        offer = replace(offer, seconds_left=left, parts=[(units, units * each)])
        if self._policy.part_to_take(offer) is None:
            return None
        return Help(Share.WAITING, waiting, waiting.task.tile)
