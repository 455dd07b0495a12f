"""What the schedule knows of one task."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from mpirender.errors import ErrorRecord
from mpirender.model import Task
from mpirender.schedule.costs import Nearby
from mpirender.units import Seconds

__all__ = ["Entry", "Pace", "TaskState", "rest_of", "time_of"]

_OVERDUE = 4.0  # a task over its time is taken to need a fourth of what it has had
_FORGETTING = 0.2  # weight of the last block among those before it


class TaskState(Enum):
    """States of a task."""

    QUEUED = "queued"
    ACTIVE = "active"
    SOFT_FAILED = "soft-failed"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(slots=True)
class Pace:
    """How fast a rank finishes the blocks of one task.

    Attributes
    ----------
    since : float
        When the task was handed out, and later when a block was last finished.
    seconds : float or None
        What a block takes; the last ones count most. None before the first one.
    """

    since: Seconds
    seconds: Seconds | None = None

    def note(self, now: Seconds, blocks: int, *, before: Seconds) -> Seconds:
        """Learn that blocks were finished and return what each took.

        Parameters
        ----------
        now : float
        blocks : int
        before : float
            Time since the last ones that was not theirs.
        """
        took = max(0.0, now - self.since - before) / blocks
        self.since = now
        if self.seconds is None:
            self.seconds = took
        else:
            self.seconds += (took - self.seconds) * min(1.0, blocks * _FORGETTING)
        return took


def time_of(blocks: int, each: Seconds, gone: Seconds) -> Seconds:
    """Return the expected time for blocks, the first of which has been going on for a while.

    Neighbours cost alike: where it takes longer than it should, so will those after it.
    """
    return (blocks - 1) * max(each, gone) + rest_of(each, gone)


def rest_of(block: Seconds, gone: Seconds) -> Seconds:
    """Return the expected time for a block that has been going on for a while."""
    return max(block - gone, gone / 2)


@dataclass(slots=True)
class Entry:
    """What the schedule knows of one task.

    Attributes
    ----------
    left : set of int
        Its blocks that nobody has finished.
    sent : float
        When it was handed out, or its rank could begin with it.
    fraction, told : float
        How far it was, where its rank says so, and when that was.
    units : int
        Blocks of the whole task.
    relieves : int or None
        The rank that it was taken from.
    expected : float
        Seconds that a block should take, by what it took there, or, where it was taken from nobody,
        in the tasks before it; 0 where nothing is known.
    nearby : Nearby or None
        What was known around its unfinished blocks not long ago.
    original : Entry or None
        The task of which this one is a copy; what that has left is counted as left of the copy.
    copy : Entry or None
        The copy of this one, while there is one.
    """

    task: Task
    state: TaskState = TaskState.QUEUED
    attempt: int = 0
    rank: int | None = None
    failed_on: set[int] = field(default_factory=set)
    errors: list[ErrorRecord] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    pace: Pace | None = None
    sent: Seconds = 0.0
    fraction: float = 0.0
    told: Seconds = 0.0
    units: int = 0
    relieves: int | None = None
    expected: Seconds = 0.0
    nearby: Nearby | None = None
    original: Entry | None = None
    copy: Entry | None = None

    @property
    def is_spare(self) -> bool:
        """Whether it is a copy of a task that goes on."""
        return self.original is not None and self.original.state is TaskState.ACTIVE

    @property
    def since(self) -> Seconds:
        """When it was handed out, could begin, or was last heard to have finished a block."""
        return max(self.sent, self.pace.since) if self.pace else self.sent

    def begun(self, now: Seconds) -> int:
        """Return how many blocks must have been finished by now, by the pace that was told of."""
        pace = self.fraction * self.units / (self.told - self.sent)
        return min(int(pace * (now - self.sent)), self.units - 1)

    def seconds_told(self) -> Seconds:
        """Return what is left by how far its rank says it is; infinite where it says nothing."""
        done = self.fraction
        return (self.told - self.sent) * (1 - done) / done if done else math.inf

    def seconds_left(self, now: Seconds) -> Seconds:
        """Return in which time it should end where nothing has been heard of it."""
        gone = now - self.sent
        return max(len(self.left) * self.expected - gone, gone / _OVERDUE)

    def begun_as_foretold(self, now: Seconds) -> int:
        """Return how many blocks should have been finished by now where nothing has been heard."""
        gone, units = now - self.sent, len(self.left)
        return min(int(units * gone / (gone + self.seconds_left(now))), units - 1)
