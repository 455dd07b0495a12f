"""What travels between ranks: this list is the protocol.

Control messages are small pickles to a known rank. The pixels of `TaskDone` travel after it, as
one buffer; the transport takes them off on one side and puts them on again on the other.

======================  ==================  ==================================================
message                 from → to           answered by
======================  ==================  ==================================================
`Hello`                 worker → root       `Begin` (or `Stop`)
`Begin`                 root → worker
`Ready`                 worker → root       `Assign`, at once or when there is work; or `Stop`
`Assign`                root → worker       `TaskDone` or `TaskLost`
`Working`               worker → root       (also the sign of life of an idle rank)
`TaskDone`, `TaskLost`  worker → root
`Drop`                  root → worker       (ends an attempt that nobody waits for)
`Stop`                  root → worker
======================  ==================  ==================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from mpirender.errors import ErrorRecord
from mpirender.model import Job, PictureFormat, Result, Seat, Task
from mpirender.units import Seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Assign",
    "Begin",
    "Drop",
    "Hello",
    "Message",
    "Ready",
    "Stop",
    "TaskDone",
    "TaskLost",
    "ToRoot",
    "ToWorker",
    "Working",
]


@dataclass(frozen=True, slots=True)
class Hello:
    """A rank is there, and this is where it sits."""

    seat: Seat


@dataclass(frozen=True, slots=True)
class Begin:
    """The job, once.

    Attributes
    ----------
    job : Job
    threads : int
        Threads for each renderer of this rank.
    neighbours : int
        Ranks on the same host, this one included.
    report_every : float
        Seconds between two `Working`; longer where many ranks report to one root.
    """

    job: Job
    threads: int
    neighbours: int
    report_every: Seconds


@dataclass(frozen=True, slots=True)
class Ready:
    """A rank could begin a task."""


@dataclass(frozen=True, slots=True)
class Assign:
    """Render this."""

    task: Task
    attempt: int


@dataclass(frozen=True, slots=True)
class Working:
    """How far a rank's tasks are.

    Attributes
    ----------
    done : tuple of (int, float)
        Task id and fraction of its pixels, 0 to 1; empty for a rank without work.
    """

    done: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TaskDone:
    """A task was rendered and its picture checked.

    Attributes
    ----------
    result : Result
    format : PictureFormat
        Of the renderer's file.
    pixels : (H, W, C) ndarray or None
        The rows and columns of the task only; None while they travel apart.
    """

    result: Result
    format: PictureFormat
    pixels: NDArray[np.generic] | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class TaskLost:
    """An attempt came to nothing."""

    task_id: int
    attempt: int
    error: ErrorRecord


@dataclass(frozen=True, slots=True)
class Drop:
    """End a task and forget it."""

    task_id: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The run is over."""


ToRoot: TypeAlias = Hello | Ready | Working | TaskDone | TaskLost
ToWorker: TypeAlias = Begin | Assign | Drop | Stop
Message: TypeAlias = ToRoot | ToWorker
