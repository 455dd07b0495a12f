"""The loop body of rank 0: message → event → schedule → instructions → message.

The root decides nothing. It puts what arrives into words that the schedule understands, carries
out what the schedule answers, and lays pixels where they belong.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from mpirender.canvas import Canvas
from mpirender.chores import Chores, ChoreSource
from mpirender.errors import ErrorRecord, IncompletePicture, RenderError, error_from
from mpirender.events import (
    Aborted,
    CancelTask,
    Event,
    Instruction,
    RankHeard,
    RankRests,
    SendTask,
    SetAside,
    ShortenTask,
    StopWorker,
    TaskCompleted,
    TaskFailed,
    TaskProgressed,
    Tick,
    TilesCompleted,
    WorkerReady,
)
from mpirender.frames import compact
from mpirender.hosts import threads_for
from mpirender.messages import (
    Assign,
    Begin,
    ChoreDone,
    Drop,
    FrameDone,
    Hello,
    Ready,
    Shorten,
    Stop,
    TaskDone,
    TaskLost,
    TilesDone,
    ToRoot,
    ToWorker,
    Witness,
    Working,
)
from mpirender.model import Job, Result, Seat, Tile
from mpirender.paths import atomic_replace
from mpirender.schedule import Schedule, TaskState, report_every
from mpirender.units import Seconds, format_seconds, plural
from mpirender.views.base import Status, View

__all__ = ["Root"]

log = logging.getLogger(__name__)

_TICK: Seconds = 0.1
_WITNESS_WAIT: Seconds = 2.0  # a large picture takes that long to write


class Gallery(ChoreSource, Protocol):
    """Where pictures go that are finished."""

    def add(self, position: int) -> None:
        """Use the frame at a position of the run, whose picture is in its place."""

    def see(self, message: TilesDone | TaskDone) -> None:
        """Look at a piece of a picture."""

    def step(self, now: Seconds) -> None:
        """Let time pass."""


class Root:
    """What rank 0 does besides rendering.

    Parameters
    ----------
    jobs : sequence of Job
    schedule : Schedule
    ranks : int
        Ranks of the run, this one included.
    threads : int or None
        Threads a rank; None to share out each host's cores among its ranks.
    processes : int or None
        Ranks that share them where several may use the same cores; the others rest. None for all.
    send : callable
        Takes a rank and a message for it; never waits.
    view : View
        Shown how far the run is.
    tokens : tuple of Path
        See `mpirender.messages.Begin`.
    studio : Gallery
        Told the position of every frame whose picture is in its place; has chores.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        schedule: Schedule,
        *,
        ranks: int,
        threads: int | None,
        processes: int | None = None,
        send: Callable[[int, ToWorker], None],
        view: View,
        tokens: tuple[Path, ...] = (),
        studio: Gallery,
    ) -> None:
        self.results: list[Result] = []
        self._jobs = tuple(jobs)
        self._schedule = schedule
        self._ranks = self._working = ranks
        self._threads = threads
        self._processes = processes
        self._send = send
        self._view = view
        self._tokens = tokens
        self._studio = studio
        self._chores = Chores(studio, send)
        self._stops: list[int] = []
        self._witness_due: dict[int, Seconds] = {}  # rank → until when one is worth waiting for
        self._seats: dict[int, Seat] = {}
        self._begun = False
        self._fractions: dict[int, float] = {}
        self._pixels = sum(job.pixels for job in jobs)
        self._pixels_done = 0
        self._canvases: dict[int, Canvas] = {}
        self._written: set[int] = set()
        self._started: Seconds | None = None
        self._ticked: Seconds = float("-inf")
        self._stepped: Seconds = 0.0
        self._busy_seconds: Seconds = 0.0

    @property
    def busy(self) -> float:
        """Share of the time so far in which ranks had work, 0 to 1; those that rest not counted."""
        if self._started is None or self._stepped <= self._started:
            return 0.0
        return self._busy_seconds / (self._working * (self._stepped - self._started))

    @property
    def has_begun(self) -> bool:
        """Whether the first tasks have been handed out."""
        return self._begun

    @property
    def lost_ranks(self) -> set[int]:
        """Ranks that died on the way."""
        return self._schedule.lost

    # ------------------------------------------------------------------------------ messages

    def handle(self, source: int, message: ToRoot, now: Seconds) -> None:
        """Take in a rank's message."""
        self._chores.hear(source, now)
        match message:
            case Hello(seat):
                self._seats[source] = seat
                self._feed(RankHeard(source), now)
                self._begin_when_all_are_there(now)
            case Ready():
                self._feed(WorkerReady(source), now)
            case Working(done):
                self._fractions.update(done)
                self._feed(RankHeard(source), now)
                for task_id, fraction in done:
                    self._feed(TaskProgressed(source, task_id, fraction), now)
            case TaskLost(task_id, attempt, error):
                if not error.is_fatal:  # that one ends the run, and is told then
                    log.warning("%s", error.message)
                self._fractions.pop(task_id, None)
                self._feed(TaskFailed(source, task_id, attempt, error), now)
            case ChoreDone():
                self._chores.take(source, message)
            case _:
                self._take_pixels(source, message, now)
        self._send_home(now)

    def _take_pixels(
        self, source: int, message: TilesDone | FrameDone | Witness | TaskDone, now: Seconds
    ) -> None:
        """Take in what has been rendered."""
        match message:
            case TilesDone():
                self._take_tiles(source, message, now)
            case FrameDone():
                self._take_frame(source, message, now)
            case Witness(task):
                self._witness_due.pop(source, None)
                if task.tile.frame in self._canvases:
                    self._canvases[task.tile.frame].hear(message)
            case TaskDone():
                self._take(message, now)

    def step(self, now: Seconds) -> None:
        """Let time pass."""
        if self._started is None:
            self._started = self._stepped = now
        self._busy_seconds += self._schedule.busy * (now - self._stepped)
        self._stepped = now
        for frame, canvas in list(self._canvases.items()):
            if canvas.is_being_made and canvas.poll_picture():
                self._conclude(frame)
        if now - self._ticked >= _TICK:
            status = self._status(now)
            self._ticked = now
            self._feed(Tick(), now)
            self._begin_when_all_are_there(now)
            self._view.show(status)
            self._studio.step(now)
            self._send_home(now)

    def _begin_when_all_are_there(self, now: Seconds) -> None:
        """Send the job and the first tasks, once every living rank has said where it sits."""
        silent = self._schedule.lost - self._seats.keys()
        if self._begun or len(self._seats) + len(silent) < self._ranks:
            return
        self._begun = True
        ranks = sorted(self._seats)
        seats = [self._seats[rank] for rank in ranks]
        together = self._threads is None and self._jobs[0].shares_samples
        shared = threads_for(seats, working=1 if together else self._processes)
        on_host = Counter(seat.host for seat in seats)
        every = report_every(len(ranks))
        places: Counter[str] = Counter()
        for rank, seat, threads in zip(ranks, seats, shared, strict=True):
            begin = Begin(
                self._jobs,
                self._threads or threads or 1,
                on_host[seat.host],
                every,
                self._tokens,
                place=places[seat.host],
            )
            places[seat.host] += 1
            self._send(rank, begin)
            if not threads:
                log.info("rank %d leaves its cores on %s to another rank", rank, seat.host)
                self._feed(RankRests(rank), now)
        self._working = sum(map(bool, shared))
        for rank, threads in zip(ranks, shared, strict=True):
            if threads:
                self._feed(WorkerReady(rank), now)

    def _send_home(self, now: Seconds) -> None:
        """Share out chores; once all work and they are done, let the ranks go."""
        if self._schedule.fatal or (self._chores.share(now) and not self._needs_witness(now)):
            for rank in self._stops:
                self._send(rank, Stop())
            self._stops.clear()

    def _needs_witness(self, now: Seconds) -> bool:
        """Return whether a witness is about to come that would spare parsing the scene again."""
        if any(canvas.has_witness for canvas in self._canvases.values()):
            return False
        return any(until > now for until in self._witness_due.values())

    def _canvas(self, frame: int) -> Canvas:
        """Return where the pieces of a frame are put together."""
        if frame not in self._canvases:
            job, of = self._schedule.frame_at(frame)
            one = self._jobs[job].frame(of) if of is not None else None
            self._canvases[frame] = Canvas(self._jobs[job], one)
        return self._canvases[frame]

    def _take_tiles(self, source: int, message: TilesDone, now: Seconds) -> None:
        """Keep the blocks that nobody else has sent."""
        canvas = None if message.frame in self._written else self._canvas(message.frame)
        if canvas:
            self._studio.see(message)
            new = canvas.take_tiles(message)
            self._pixels_done += sum(canvas.grid.tile_of(block).pixels for block in new)
        missing = canvas.missing if canvas else ()
        event = TilesCompleted(
            source,
            message.task_id,
            self._schedule.units_of_blocks(message.frame, message.blocks, missing),
            setup_seconds=message.setup_seconds,
            pretrace_seconds=message.pretrace_seconds,
        )
        self._feed(event, now)
        if message.witness_follows and canvas and not canvas.is_of_animation:
            self._witness_due[source] = now + _WITNESS_WAIT
        if message.result:
            self._report(message.result, now)
        if canvas and canvas.is_of_animation and not (canvas.missing or canvas.is_being_made):
            canvas.begin_picture()

    def _take_frame(self, source: int, message: FrameDone, now: Seconds) -> None:
        """Put a whole frame in its place, unless it is there."""
        frame = message.frame
        if frame not in self._written:
            canvas = self._canvas(frame)
            if message.pixels is None:
                self._chores.see(source)
            else:
                with atomic_replace(canvas.output) as temporary:
                    temporary.write_bytes(message.pixels)
            self._pixels_done += sum(canvas.grid.tile_of(b).pixels for b in canvas.missing)
            self._conclude(frame)
        units = self._schedule.units_of_frame(frame)
        self._feed(TilesCompleted(source, message.task_id, units), now)
        if message.result:
            self._report(message.result, now)

    def _conclude(self, frame: int) -> None:
        """Note that a frame's picture is in its place."""
        self._written.add(frame)
        if canvas := self._canvases.pop(frame, None):
            canvas.close()
        self._studio.add(frame)

    def _take(self, message: TaskDone, now: Seconds) -> None:
        """Lay a task's pixels into the frame, unless another rank was faster."""
        result, pixels = message.result, message.pixels
        task = result.task
        if pixels is not None and message.format is not None:
            if self._schedule.state_of(task.id) in (TaskState.COMPLETED, TaskState.CANCELED):
                return
            self._studio.see(message)
            canvas = self._canvas(task.tile.frame)
            self._pixels_done += canvas.take_pixels(task.tile, message.format, pixels)
            if canvas.is_of_animation and not (canvas.missing or canvas.is_being_made):
                canvas.begin_picture()
        self._report(result, now)

    def _report(self, result: Result, now: Seconds) -> None:
        """Note what a task has cost."""
        self._note(result)
        self._feed(TaskCompleted(result), now)

    def _note(self, result: Result) -> None:
        task = result.task
        self.results.append(result)
        self._fractions.pop(task.id, None)
        log.info(
            "task %d (%s): attempt %d, rank %d, host %s, %s",
            *(task.id, task, result.attempt, result.rank, result.host),
            format_seconds(result.seconds),
        )

    # ------------------------------------------------------------------- events, instructions

    def _feed(self, event: Event, now: Seconds) -> None:
        for instruction in self._schedule.handle(event, now):
            self._carry_out(instruction)

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case SendTask(rank, task, attempt):
                self._send(rank, Assign(task, attempt))
            case ShortenTask(rank, task_id, part):
                self._send(rank, Shorten(task_id, part))
            case CancelTask(rank, task_id):
                self._fractions.pop(task_id, None)
                self._send(rank, Drop(task_id))
            case StopWorker(rank):
                self._stops.append(rank)
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
            if not self._jobs[task.job].streams or task.numbers
            if not self._schedule.is_spare(task.id)
        )
        return Status(
            fraction=min(1.0, (self._pixels_done + inside) / self._pixels),
            seconds=now - (self._started if self._started is not None else now),
            ranks=self._working,
            busy=len(active),
        )

    # ------------------------------------------------------------------------------- the end

    def close(self) -> None:
        """Show nothing more, and leave nothing behind."""
        self._view.close()
        for canvas in self._canvases.values():
            canvas.close()
        self._canvases.clear()

    def write_pictures(self) -> None:
        """Put all pictures in their places that are not there, whole or not at all.

        Raises
        ------
        MpirenderError
            The reason why the run was ended early, or why no task was completed.
        IncompletePicture
            If some tasks were given up. A still is written then, and all missing rectangles are
            named; of an animation, the missing frames.
        WriteError
            If a file cannot be written.
        """
        failed = self._schedule.failed
        if self._schedule.fatal:
            raise error_from(self._schedule.fatal)
        if not (self._canvases or self._written):
            raise error_from(failed[-1][1])
        for frame, canvas in list(self._canvases.items()):
            if canvas.is_of_animation and canvas.missing:
                continue
            canvas.wait_for_picture()
            if canvas.missing:
                raise _incomplete(self._jobs[0], canvas.gaps(), failed[-1][1])
            self._conclude(frame)
        missing = self._schedule.frames - len(self._written)
        if missing:
            numbers = {n for task, _ in failed for n in task.numbers}
            raise IncompletePicture(
                f"{plural(missing, 'frame')} of {self._schedule.frames} are missing:"
                f" {compact(numbers)}; all others are in their places",
                hint="the same command tries again; --retries allows more attempts",
                detail=f"last failure: {failed[-1][1].message}\n{failed[-1][1].detail}",
            )


def _incomplete(job: Job, gaps: Iterable[Tile], last: ErrorRecord) -> RenderError:
    missing = "; ".join(str(gap) for gap in gaps)
    return IncompletePicture(
        f"{job.output}: written, but black where nothing could be rendered: {missing}",
        hint="the same command tries again; --retries allows more attempts",
        detail=f"last failure: {last.message}\n{last.detail}",
    )
