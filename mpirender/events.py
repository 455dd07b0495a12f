"""What the schedule is told, and what it answers: events in, instructions out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mpirender.errors import ErrorRecord
from mpirender.model import Result, Task, Tile
from mpirender.units import Seconds

__all__ = [
    "Aborted",
    "CancelRequested",
    "CancelTask",
    "Event",
    "Instruction",
    "RankHeard",
    "RankRests",
    "SendTask",
    "SetAside",
    "ShortenTask",
    "StopWorker",
    "TaskCompleted",
    "TaskFailed",
    "TaskProgressed",
    "Tick",
    "TilesCompleted",
    "WorkerLost",
    "WorkerReady",
]

# ------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A rank asks for a task."""

    rank: int


@dataclass(frozen=True, slots=True)
class RankRests:
    """A rank leaves its cores to another one, and takes its place only where that one fails."""

    rank: int


@dataclass(frozen=True, slots=True)
class RankHeard:
    """A rank has shown that it lives."""

    rank: int


@dataclass(frozen=True, slots=True)
class TaskCompleted:
    """A task's pixels are with the root."""

    result: Result

    @property
    def rank(self) -> int:
        """Which has rendered it."""
        return self.result.rank


@dataclass(frozen=True, slots=True)
class TaskProgressed:
    """A rank says how far a task is.

    Attributes
    ----------
    rank, task_id : int
    fraction : float
        Of all of its pixels, 0 to 1.
    """

    rank: int
    task_id: int
    fraction: float


@dataclass(frozen=True, slots=True)
class TilesCompleted:
    """Some blocks of a task are with the root.

    Attributes
    ----------
    rank, task_id : int
    blocks : tuple of int
        Their numbers; of frames, the units of `mpirender.partition.FramePartition`.
    setup_seconds : float
        From the task's start to its first pixel.
    pretrace_seconds : float
        Spent after that on all of the task's blocks, before the first one was finished.
    """

    rank: int
    task_id: int
    blocks: tuple[int, ...]
    setup_seconds: Seconds = 0.0
    pretrace_seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """One attempt at a task came to nothing."""

    rank: int
    task_id: int
    attempt: int
    error: ErrorRecord


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A rank is known to be dead."""

    rank: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The run is to end now."""

    reason: ErrorRecord


Event: TypeAlias = (
    WorkerReady
    | RankHeard
    | RankRests
    | TaskProgressed
    | TilesCompleted
    | TaskCompleted
    | TaskFailed
    | WorkerLost
    | Tick
    | CancelRequested
)

# ------------------------------------------------------------------------------- instructions


@dataclass(frozen=True, slots=True)
class SendTask:
    """Give a rank a task."""

    rank: int
    task: Task
    attempt: int


@dataclass(frozen=True, slots=True)
class ShortenTask:
    """Have a rank leave a part of its task to another one."""

    rank: int
    task_id: int
    part: Tile


@dataclass(frozen=True, slots=True)
class CancelTask:
    """Have a rank end an attempt that nobody waits for any more."""

    rank: int
    task_id: int


@dataclass(frozen=True, slots=True)
class StopWorker:
    """Tell a rank that the run is over."""

    rank: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """Tell people that a rank gets no more work."""

    rank: int
    reason: str


@dataclass(frozen=True, slots=True)
class Aborted:
    """Tell people why the run ends before all is done."""

    reason: ErrorRecord


Instruction: TypeAlias = SendTask | ShortenTask | CancelTask | StopWorker | SetAside | Aborted
