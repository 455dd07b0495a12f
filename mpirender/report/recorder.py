"""What goes by at rank 0, taken down with the time."""

from __future__ import annotations

from collections.abc import Callable

from mpirender.messages import (
    Assign,
    Begin,
    Drop,
    FrameDone,
    Hello,
    Message,
    TaskDone,
    TaskLost,
    TilesDone,
)
from mpirender.model import Job, Machine, Result, Seat, Task
from mpirender.partition import Grid
from mpirender.report.records import (
    COMPLETED,
    DROPPED,
    FAILED,
    AttemptRecord,
    PhaseRecord,
    PieceRecord,
    RankRecord,
    RunRecord,
    WorkRecord,
)
from mpirender.units import Pixels, Seconds

__all__ = [
    "ASK",
    "COMPOSE",
    "ENCODE",
    "FIRST",
    "MEET",
    "PREPARE",
    "SHARE",
    "START",
    "TUNE",
    "Recorder",
]

START, ASK, FIRST, PREPARE, TUNE, MEET = "start", "ask", "first pass", "prepare", "tune", "meet"
"""Phases before the first task: MPI and Python start, the renderer is asked what is meant, what
all tasks share is found in a pass of its own where that is needed, the work is cut, layouts of
processes and threads are tried if that is wanted, all ranks say where they sit."""

SHARE, COMPOSE, ENCODE = "share out", "compose", "encode"
"""Phases after that: tasks are handed out and done, pictures are put together and written, and
movies completed."""


class Recorder:
    """Remembers a run.

    What happens on another rank is known by durations that were measured there, and by the times
    at which its messages left and reached rank 0, so that clocks of other hosts do not matter. What
    is left of the time between task and result is taken to be spent on both ways alike, as NTP
    does.

    Parameters
    ----------
    clock : callable
        Returns seconds that never run backwards.
    age : float
        How long before this moment the run began.

    References
    ----------
    D. L. Mills: Internet time synchronization: the network time protocol. IEEE Transactions on
    Communications 39 (10), 1991.
    """

    def __init__(self, clock: Callable[[], Seconds], age: Seconds = 0.0) -> None:
        self._clock = clock
        self._began = clock() - age
        self._seats: dict[int, tuple[Seat, Machine, Seconds]] = {}
        self._threads: dict[int, int] = {}
        self._assigned: dict[tuple[int, int], tuple[Task, int, Seconds]] = {}
        self._attempts: list[AttemptRecord] = []
        self._phases: list[PhaseRecord] = []
        self._jobs: tuple[Job, ...] = ()
        self._pieces: list[PieceRecord] = []
        self._heard: dict[tuple[int, int], Seconds] = {}  # rank, task → when it sent blocks

    @property
    def now(self) -> Seconds:
        """Seconds since the run began."""
        return self._clock() - self._began

    def end_phase(self, name: str) -> None:
        """Note that a phase ends now; it began where the one before ended."""
        began = self._phases[-1].ended if self._phases else 0.0
        self._phases.append(PhaseRecord(name, began, self.now))

    # ------------------------------------------------------------------------------ messages

    def sent(self, to: int, message: Message) -> None:
        """Take down what rank 0 has sent."""
        match message:
            case Begin():
                if not self._threads:
                    self.end_phase(MEET)
                    self._jobs = message.jobs
                self._threads[to] = message.threads
            case Assign(task, attempt):
                self._assigned[to, task.id] = task, attempt, self.now
            case Drop(task_id):
                self._give_up(to, task_id, DROPPED)

    def arrived(self, source: int, message: Message) -> None:
        """Take down what has reached rank 0."""
        match message:
            case Hello(seat, machine):
                self._seats[source] = seat, machine, self.now
            case TaskLost(task_id):
                self._give_up(source, task_id, FAILED)
            case TilesDone() | FrameDone() | TaskDone():
                self._note_piece(source, message)
                if message.result:
                    self._complete(message.result)

    def _note_piece(self, source: int, message: TilesDone | FrameDone | TaskDone) -> None:
        """Note how long it took to finish what arrives."""
        match message:
            case TilesDone(task_id, frame, blocks):
                key, now = (source, task_id), self.now
                if blocks and key in self._assigned:
                    before = message.setup_seconds + message.pretrace_seconds
                    since = self._heard.get(key, self._assigned[key][2] + before)
                    self._heard[key] = now
                    self._pieces.append(PieceRecord(frame, blocks, max(0.0, now - since)))
            case FrameDone(_, frame, seconds):
                self._pieces.append(PieceRecord(frame, (), seconds))
            case TaskDone(result, format_) if format_ and self._jobs:
                job, tile = self._jobs[result.task.job], result.task.tile
                blocks = tuple(Grid(job.area, job.block).blocks_of(tile))
                self._pieces.append(PieceRecord(tile.frame, blocks, result.render_seconds))

    def _complete(self, result: Result) -> None:
        """Note an attempt that has ended well, unless it had been given up."""
        task, arrived = result.task, self.now
        handed_out = self._assigned.pop((result.rank, task.id), None)
        if handed_out is None:
            return
        assigned = handed_out[2]
        started = assigned + max(0.0, arrived - assigned - result.seconds) / 2
        moments = [started]
        for after in (result.first_word, result.first_pixel, result.last_pixel, result.seconds):
            moments.append(min(max(moments[-1], started + after), arrived))
        _, first_word, first_pixel, last_pixel, ended = moments
        began_pixels, began_setup = first_pixel, first_word
        if result.render_seconds:
            began_pixels = max(first_word, min(first_pixel, last_pixel - result.render_seconds))
        if result.setup_seconds:
            began_setup = max(first_word, began_pixels - result.setup_seconds)
        self._attempts.append(
            AttemptRecord(
                *(task.id, result.attempt, result.rank, str(task), task.tile.pixels, COMPLETED),
                *(assigned, started, first_word, first_pixel, last_pixel, ended, arrived),
                *(began_setup, began_pixels),
                *(result.cpu_seconds, result.peak_memory),
            )
        )

    def _give_up(self, rank: int, task_id: int, outcome: str) -> None:
        """Note an attempt that came to nothing, but for the blocks that it has sent."""
        if (rank, task_id) not in self._assigned:
            return
        task, attempt, assigned = self._assigned.pop((rank, task_id))
        now, last = self.now, self._heard.get((rank, task_id), assigned)
        self._attempts.append(
            AttemptRecord(
                *(task_id, attempt, rank, str(task), task.tile.pixels, outcome),
                *(assigned, assigned, assigned, assigned, last, now, now),
                *(assigned, assigned),
            )
        )

    # ------------------------------------------------------------------------------- the end

    def run(self, policy: str, pixels: Pixels, *, repeat: int = 1, pictures: str = "") -> RunRecord:
        """Return the record of the run so far; see `RunRecord` for the parameters."""
        ranks = tuple(
            RankRecord(
                *(rank, seat.host, machine.cpu, tuple(sorted(seat.cores)), machine.memory),
                *(self._threads.get(rank, 1), greeted),
            )
            for rank, (seat, machine, greeted) in sorted(self._seats.items())
        )
        attempts, phases = tuple(self._attempts), tuple(self._phases)
        work, pieces = self._work(), tuple(self._pieces)
        return RunRecord(policy, pixels, ranks, attempts, phases, repeat, pictures, work, pieces)

    def _work(self) -> WorkRecord | None:
        """Return how the run could be cut."""
        if len(self._jobs) != 1:
            return None
        job = self._jobs[0]
        grid = Grid(job.area, job.block)
        return WorkRecord(grid.rows, grid.columns, len(job.frames), job.streams)
