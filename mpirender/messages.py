"""What travels between ranks: this list is the protocol.

Control messages are small pickles to a known rank. What a message has as `pixels` travels after
it, as one buffer; the transport takes it off on one side and puts it on again on the other.

======================  ==================  ==================================================
message                 from → to           answered by
======================  ==================  ==================================================
`Hello`                 worker → root       `Begin`, and `Assign` as after `Ready`; or `Stop`
`Begin`                 root → worker
`Join`                  root → worker       `Hello`, when the other run is over
`Ready`                 worker → root       `Assign`, at once or when there is work; or `Stop`
`Assign`                root → worker       `TilesDone` now and then; `TaskDone` or `TaskLost`
`Shorten`               root → worker       (another rank does a part of the task)
`Working`               worker → root       (also the sign of life of an idle rank)
`TilesDone`             worker → root
`FrameDone`             worker → root       (a frame of a task of whole frames)
`Witness`               worker → root       (pixels as the renderer itself has written them)
`TaskDone`, `TaskLost`  worker → root
`DoChore`               root → worker       `ChoreDone`
`ChoreDone`             worker → root
`Drop`                  root → worker       (ends an attempt that nobody waits for)
`Stop`                  root → worker
======================  ==================  ==================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mpirender.errors import ErrorRecord
from mpirender.model import (
    UNKNOWN_MACHINE,
    Chore,
    Job,
    Machine,
    PictureFormat,
    Result,
    Seat,
    Task,
    Tile,
)
from mpirender.units import Bytes, Seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "WITH_PIXELS",
    "Assign",
    "Begin",
    "ChoreDone",
    "DoChore",
    "Drop",
    "FrameDone",
    "Hello",
    "Join",
    "Message",
    "Ready",
    "Shorten",
    "Stop",
    "TaskDone",
    "TaskLost",
    "TilesDone",
    "ToRoot",
    "ToWorker",
    "Witness",
    "Working",
]


@dataclass(frozen=True, slots=True)
class Hello:
    """A rank is there and could begin a task, and this is where it sits, and on what."""

    seat: Seat
    machine: Machine = UNKNOWN_MACHINE


@dataclass(frozen=True, slots=True)
class Begin:
    """The job, once.

    Attributes
    ----------
    jobs : tuple of Job
        In the order in which tasks name them.
    threads : int
        Threads for each renderer of this rank.
    neighbours : int
        Ranks on the same host, this one included.
    place : int
        Of the rank among these, from 0.
    report_every : float
        Seconds between two `Working`; longer where many ranks report to one root.
    tokens : tuple of Path
        Files of rank 0's where pictures will be: a rank that sees them all may put whole frames in
        their places itself. Empty where none may.
    """

    jobs: tuple[Job, ...]
    threads: int
    neighbours: int
    report_every: Seconds
    tokens: tuple[Path, ...] = ()
    place: int = 0


@dataclass(frozen=True, slots=True)
class Join:
    """Make a run of the first so many ranks, and come back; all others wait meanwhile."""

    ranks: int


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


@dataclass(frozen=True, slots=True)
class Shorten:
    """Leave a part of a task to another rank."""

    task_id: int
    part: Tile


@dataclass(frozen=True, slots=True, eq=False)
class TilesDone:
    """Blocks of a task that the renderer has finished.

    Attributes
    ----------
    task_id : int
    frame : int
        Position of the frame in the run.
    blocks : tuple of int
        Their numbers on the grid of the whole area.
    sizes : tuple of int
        Bytes of each block's record.
    header : bytes
        What stands before the first record in a file of them.
    setup_seconds, pretrace_seconds : float
        See `mpirender.events.TilesCompleted`.
    result : Result or None
        Of the task, where these blocks are its last: the run may end with them.
    witness_follows : bool
        Whether the renderer is just writing a picture of the task, which will be sent.
    pixels : bytes or None
        The records, in the renderer's own format; None while they travel apart.
    """

    task_id: int
    frame: int
    blocks: tuple[int, ...]
    sizes: tuple[Bytes, ...]
    header: bytes = field(repr=False)
    setup_seconds: Seconds
    pretrace_seconds: Seconds
    result: Result | None = None
    witness_follows: bool = False
    pixels: bytes | bytearray | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True, eq=False)
class FrameDone:
    """A frame was rendered and its picture checked.

    Attributes
    ----------
    task_id : int
    frame : int
        Position of the frame in the run.
    seconds : float
        From the start of the task, or from the frame before.
    result : Result or None
        Of the task, where this frame is its last.
    pixels : bytes or None
        The renderer's own file; None while it travels apart, and where the rank has put it in its
        place.
    """

    task_id: int
    frame: int
    seconds: Seconds
    result: Result | None = None
    pixels: bytes | bytearray | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """The picture of a task as the renderer has written it with the scene itself.

    Attributes
    ----------
    task : Task
    pixels : bytes or None
        The file, compressed by zlib; None while it travels apart.
    """

    task: Task
    pixels: bytes | bytearray | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True, eq=False)
class TaskDone:
    """A task was rendered and its picture checked.

    Attributes
    ----------
    result : Result
    format : PictureFormat or None
        Of the renderer's file; None where its blocks have been sent.
    pixels : (H, W, C) ndarray or None
        The rows and columns of the task only; None while they travel apart, and where the blocks
        have been sent.
    """

    result: Result
    format: PictureFormat | None = None
    pixels: NDArray[np.generic] | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class TaskLost:
    """An attempt came to nothing."""

    task_id: int
    attempt: int
    error: ErrorRecord


@dataclass(frozen=True, slots=True)
class DoChore:
    """Make this of pictures that are in their places."""

    chore: Chore


@dataclass(frozen=True, slots=True)
class ChoreDone:
    """A chore has ended.

    Attributes
    ----------
    output : Path
        Of the chore.
    error : ErrorRecord or None
        Why it came to nothing; None where it is done.
    """

    output: Path
    error: ErrorRecord | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """End a task and forget it."""

    task_id: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The run is over."""


ToRoot: TypeAlias = (
    Hello | Ready | Working | TilesDone | FrameDone | Witness | TaskDone | TaskLost | ChoreDone
)
ToWorker: TypeAlias = Begin | Join | Assign | Shorten | DoChore | Drop | Stop
Message: TypeAlias = ToRoot | ToWorker

WITH_PIXELS = (TilesDone, FrameDone, Witness, TaskDone)
"""Messages whose pixels travel apart."""
