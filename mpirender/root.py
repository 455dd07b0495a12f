"""The loop body of rank 0: message → event → schedule → instructions → message.

The root decides nothing. It puts what arrives into words that the schedule understands, carries
out what the schedule answers, and lays pixels where they belong.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from mpirender.errors import ErrorRecord, IncompletePicture, RenderError, error_from
from mpirender.events import (
    Aborted,
    CancelTask,
    Event,
    Instruction,
    RankHeard,
    SendTask,
    SetAside,
    StopWorker,
    TaskCompleted,
    TaskFailed,
    Tick,
    WorkerReady,
)
from mpirender.hosts import threads_for
from mpirender.messages import (
    Assign,
    Begin,
    Drop,
    Hello,
    Ready,
    Stop,
    TaskDone,
    TaskLost,
    ToRoot,
    ToWorker,
    Working,
)
from mpirender.model import Job, PictureFormat, Result, Seat, Tile
from mpirender.paths import atomic_replace
from mpirender.renderers import renderer_named
from mpirender.schedule import LOST_AFTER, Schedule, TaskState
from mpirender.units import Seconds, format_seconds
from mpirender.views.base import Status, View

if TYPE_CHECKING:
    from mpirender.compose import Frame

__all__ = ["Root"]

log = logging.getLogger(__name__)

_TICK: Seconds = 0.1
_REPORT_EVERY: Seconds = 0.5
_REPORT_AT_LEAST_EVERY: Seconds = LOST_AFTER / 6  # idle ranks report four times less often
_REPORTS_A_SECOND = 500  # that the root can take in beside its other work


class Root:
    """What rank 0 does besides rendering.

    Parameters
    ----------
    job : Job
    schedule : Schedule
    ranks : int
        Ranks of the run, this one included.
    threads : int or None
        Threads a rank; None to share out each host's cores among its ranks.
    send : callable
        Takes a rank and a message for it; never waits.
    view : View
        Shown how far the run is.
    """

    def __init__(
        self,
        job: Job,
        schedule: Schedule,
        *,
        ranks: int,
        threads: int | None,
        send: Callable[[int, ToWorker], None],
        view: View,
    ) -> None:
        self.results: list[Result] = []
        self._job = job
        self._schedule = schedule
        self._ranks = ranks
        self._threads = threads
        self._send = send
        self._view = view
        self._seats: dict[int, Seat] = {}
        self._begun = False
        self._fractions: dict[int, float] = {}
        self._pixels_done = 0
        self._frame: Frame | None = None
        self._format: PictureFormat | None = None
        self._started: Seconds | None = None
        self._ticked: Seconds = float("-inf")
        self._stepped: Seconds = 0.0
        self._busy_seconds: Seconds = 0.0

    @property
    def is_finished(self) -> bool:
        """True when every task has ended and every rank has been told to stop."""
        return self._begun and self._schedule.is_finished

    @property
    def busy(self) -> float:
        """Share of the time so far in which a rank had work, the mean of all ranks, 0 to 1."""
        if self._started is None or self._stepped <= self._started:
            return 0.0
        return self._busy_seconds / (self._ranks * (self._stepped - self._started))

    @property
    def lost_ranks(self) -> set[int]:
        """Ranks that died on the way."""
        return self._schedule.lost

    # ------------------------------------------------------------------------------ messages

    def handle(self, source: int, message: ToRoot, now: Seconds) -> None:
        """Take in a rank's message."""
        match message:
            case Hello(seat):
                self._seats[source] = seat
                self._feed(RankHeard(source), now)
                self._begin_when_all_are_there()
            case Ready():
                self._feed(WorkerReady(source), now)
            case Working(done):
                self._fractions.update(done)
                self._feed(RankHeard(source), now)
            case TaskDone():
                self._take(message, now)
            case TaskLost(task_id, attempt, error):
                if not error.is_fatal:  # that one ends the run, and is told then
                    log.warning("%s", error.message)
                self._fractions.pop(task_id, None)
                self._feed(TaskFailed(source, task_id, attempt, error), now)

    def step(self, now: Seconds) -> None:
        """Let time pass."""
        if self._started is None:
            self._started = self._stepped = now
        self._busy_seconds += self._schedule.busy * (now - self._stepped)
        self._stepped = now
        if now - self._ticked >= _TICK:
            status = self._status(now)
            self._ticked = now
            self._feed(Tick(), now)
            self._begin_when_all_are_there()
            self._view.show(status)

    def _begin_when_all_are_there(self) -> None:
        """Send the job, once every living rank has said where it sits."""
        silent = self._schedule.lost - self._seats.keys()
        if self._begun or len(self._seats) + len(silent) < self._ranks:
            return
        self._begun = True
        ranks = sorted(self._seats)
        seats = [self._seats[rank] for rank in ranks]
        shared, on_host = threads_for(seats), Counter(seat.host for seat in seats)
        report_every = len(ranks) / _REPORTS_A_SECOND
        report_every = min(max(_REPORT_EVERY, report_every), _REPORT_AT_LEAST_EVERY)
        for rank, seat, threads in zip(ranks, seats, shared, strict=True):
            neighbours = on_host[seat.host]
            begin = Begin(self._job, self._threads or threads, neighbours, report_every)
            self._send(rank, begin)

    def _take(self, message: TaskDone, now: Seconds) -> None:
        """Lay a task's pixels into the frame, unless another rank was faster."""
        result, pixels = message.result, message.pixels
        task = result.task
        assert pixels is not None, "the transport delivers pixels with their message"
        if self._schedule.state_of(task.id) in (TaskState.COMPLETED, TaskState.CANCELED):
            return
        if self._frame is None:
            from mpirender.compose import Frame

            self._format = message.format
            self._frame = Frame(
                self._job.height,
                self._job.width,
                pixels.shape[2],
                dtype=message.format.dtype,
                opaque=message.format.has_alpha,
            )
        self._frame.put(task.tile, pixels)
        self.results.append(result)
        self._pixels_done += task.tile.pixels
        self._fractions.pop(task.id, None)
        log.info(
            "task %d (%s): attempt %d, rank %d, host %s, %s",
            *(task.id, task.tile, result.attempt, result.rank, result.host),
            format_seconds(result.seconds),
        )
        self._feed(TaskCompleted(result), now)

    # ------------------------------------------------------------------- events, instructions

    def _feed(self, event: Event, now: Seconds) -> None:
        for instruction in self._schedule.handle(event, now):
            self._carry_out(instruction)

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case SendTask(rank, task, attempt):
                self._send(rank, Assign(task, attempt))
            case CancelTask(rank, task_id):
                self._fractions.pop(task_id, None)
                self._send(rank, Drop(task_id))
            case StopWorker(rank):
                self._send(rank, Stop())
            case SetAside(rank, reason):
                host = self._seats[rank].host if rank in self._seats else "an unknown host"
                log.warning("rank %d on %s gets no more work: %s", rank, host, reason)
            case Aborted():
                log.debug("the run ends early")

    def _status(self, now: Seconds) -> Status:
        active = self._schedule.active
        inside = sum(
            task.tile.pixels * self._fractions.get(task.id, 0.0)
            for tasks in active.values()
            for task in tasks
        )
        return Status(
            fraction=min(1.0, (self._pixels_done + inside) / self._job.area.pixels),
            seconds=now - (self._started if self._started is not None else now),
            ranks=self._ranks,
            busy=len(active),
        )

    # ------------------------------------------------------------------------------- the end

    def close(self) -> None:
        """Show nothing more."""
        self._view.close()

    def write_picture(self) -> None:
        """Write the picture, whole under its own name or not at all.

        Raises
        ------
        MpirenderError
            The reason why the run was ended early, or why no task was completed.
        IncompletePicture
            After writing, if some tasks were given up; all missing rectangles are named.
        WriteError
            If the file cannot be written.
        """
        failed = self._schedule.failed
        if self._schedule.fatal:
            raise error_from(self._schedule.fatal)
        if self._frame is None or self._format is None:
            raise error_from(failed[-1][1])
        from mpirender.images import Picture, write_picture

        renderer = renderer_named(self._job.renderer)
        picture = Picture(self._frame.pixels, renderer.final_format(self._job, self._format))
        with atomic_replace(self._job.output) as temporary:
            write_picture(temporary, picture)
        gaps = self._frame.gaps(self._job.area)
        if gaps:
            raise _incomplete(self._job, gaps, failed[-1][1])


def _incomplete(job: Job, gaps: list[Tile], last: ErrorRecord) -> RenderError:
    missing = "; ".join(str(gap) for gap in gaps)
    return IncompletePicture(
        f"{job.output}: written, but black where nothing could be rendered: {missing}",
        hint="the same command tries again; --retries allows more attempts",
        detail=f"last failure: {last.message}\n{last.detail}",
    )
