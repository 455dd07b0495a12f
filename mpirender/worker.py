"""The steps of a rendering rank; rank 0 has one too.

A worker is told what to do by messages and goes on by `step`, which never waits: it looks at its
renderers, reports, and asks for its next task a moment before it needs it, so that the renderer's
own start-up, asleep for the most part, lies behind the end of the task before. Pixels are sent
after the next task has been asked for.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from mpirender.attempt import Attempt, pictures_of, streams_of
from mpirender.chores import Hand
from mpirender.delivery import frame_done, output_of, result_of, tiles_done, witness_of
from mpirender.errors import (
    ErrorRecord,
    MpirenderError,
    OutputMismatch,
    OutputMissing,
    RendererFailed,
    RendererTimeout,
    VersionMismatch,
)
from mpirender.hosts import seat_of_this_process, this_machine
from mpirender.messages import (
    Assign,
    Begin,
    ChoreDone,
    DoChore,
    Drop,
    FrameDone,
    Hello,
    Join,
    Ready,
    Shorten,
    Stop,
    TaskDone,
    TaskLost,
    TilesDone,
    ToRoot,
    ToWorker,
    Working,
)
from mpirender.model import Job, Result, Task, Tile
from mpirender.partition import Grid
from mpirender.paths import Scratch, working_in
from mpirender.pool import Pool
from mpirender.process import STALLED_AFTER, Exit
from mpirender.renderers import renderer_named
from mpirender.renderers.base import Renderer, TileStream
from mpirender.resting import close_resting
from mpirender.units import Bytes, Seconds, format_seconds

__all__ = ["Worker"]

log = logging.getLogger(__name__)

_REST: Seconds = 30.0  # for which a renderer is kept open without a first task


@dataclass(slots=True)
class _Engagement:
    """What a worker holds once it has a job."""

    begin: Begin
    scratch: Scratch
    pool: Pool
    since: Seconds
    attempts: list[Attempt] = field(default_factory=list)
    ending: list[Attempt] = field(default_factory=list)  # only their pictures are awaited
    puts_frames: bool = False
    paces: dict[int, Seconds] = field(default_factory=dict)  # a pixel of each job lately took
    has_asked: bool = False
    has_failed: bool = False

    @property
    def keep(self) -> bool:
        """Whether files stay."""
        return self.begin.jobs[0].keep

    def job(self, task: Task) -> Job:
        """Return the job that a task is of."""
        return self.begin.jobs[task.job]

    def renderer(self, task: Task) -> Renderer:
        """Return what renders a task."""
        return renderer_named(self.job(task).renderer)


class Worker:
    """A rank that renders.

    Parameters
    ----------
    rank : int
    host : str
    send : callable
        Takes a message to the root; never waits.
    """

    def __init__(self, rank: int, host: str, send: Callable[[ToRoot], None]) -> None:
        self.rank = rank
        self.host = host
        self._send = send
        self._engaged: _Engagement | None = None
        self._spoke: Seconds = 0.0
        self._hands: list[Hand] = []
        self.is_finished = False
        self.joins = 0
        """Ranks of another run that this one is to take part in."""

    def greet(self) -> None:
        """Tell the root that this rank is there."""
        self._send(Hello(seat_of_this_process(self.host, os.environ), this_machine()))

    # ------------------------------------------------------------------------------ messages

    def handle(self, message: ToWorker, now: Seconds) -> None:
        """Do what the root says."""
        match message:
            case Begin():
                self._engage(message, now)
            case Assign(task, attempt):
                self._start(task, attempt, now)
            case Shorten(task_id, part):
                self._shorten(task_id, part)
            case Drop(task_id):
                self._drop(task_id)
            case DoChore(chore):
                self._hands.append(Hand(chore))
            case Join(ranks):
                self.is_finished = self.rank < ranks
                self.joins = ranks if self.is_finished else 0
            case Stop():
                self.is_finished = True
                self.close()

    def _engage(self, begin: Begin, now: Seconds) -> None:
        scratch = Scratch(self.rank)
        self._engaged = _Engagement(begin, scratch, Pool(begin, scratch), now)
        self._engaged.puts_frames = bool(begin.tokens) and all(t.exists() for t in begin.tokens)
        for job in begin.jobs:
            scratch.place(job.files)
        if begin.jobs[0].keep:
            log.info("rank %d on %s keeps its files in %s", self.rank, self.host, scratch.folder)
        self._engaged.has_asked = True  # that it was there said so

    def _start(self, task: Task, number: int, now: Seconds) -> None:
        engaged = self._engagement()
        engaged.has_asked = False
        job, renderer, scratch = engaged.job(task), engaged.renderer(task), engaged.scratch
        streams: dict[int, TileStream] = {}
        try:
            with working_in(scratch.folder):
                command = renderer.command(
                    job, task, attempt=number, threads=engaged.begin.threads, scratch=scratch.folder
                )
                log.debug("rank %d: task %d: %s", self.rank, task.id, " ".join(command.argv))
                streams = streams_of(renderer, job, task, command.output)
                process = engaged.pool.start(task, command, streams, scratch.log(task.id, number))
        except MpirenderError as error:
            for stream in streams.values():
                stream.close()
            scratch.sweep(task_id=task.id, attempt=number)
            self._report_failure(task, number, error)
            self._ask(engaged)
            return
        watch, grid = renderer.watch(job, task), Grid(job.area, job.block)
        pictures = pictures_of(renderer, job, task, command.output)
        attempt = Attempt(
            task, number, command, process, watch, grid, now, pictures=pictures, streams=streams
        )
        engaged.attempts.append(attempt)

    def _shorten(self, task_id: int, part: Tile) -> None:
        for attempt in self._engagement().attempts:
            if attempt.task.id == task_id:
                attempt.leave(part)

    def _drop(self, task_id: int) -> None:
        engaged = self._engagement()
        for attempt in [a for a in engaged.attempts if a.task.id == task_id]:
            engaged.attempts.remove(attempt)
            self._end(attempt)

    def _end(self, attempt: Attempt) -> None:
        """End a renderer and remove what it leaves; its log stays."""
        engaged = self._engagement()
        attempt.close()
        engaged.renderer(attempt.task).clear_up(attempt.process.pid)
        if not engaged.keep:
            engaged.scratch.sweep(task_id=attempt.task.id, attempt=attempt.number)

    def _engagement(self) -> _Engagement:
        assert self._engaged is not None, "the root speaks of tasks before it has sent the job"
        return self._engaged

    # ---------------------------------------------------------------------------------- step

    def step(self, now: Seconds) -> bool:
        """Look after the renderers.

        Parameters
        ----------
        now : float
            Seconds on a monotonic clock.

        Returns
        -------
        moved : bool
            True where something happened, so that looking again soon is worth while.
        """
        engaged = self._engaged
        if engaged is None or self.is_finished:
            return False
        moved = False
        for attempt in list(engaged.attempts):
            moved |= self._look_after(attempt, now)
        for attempt in list(engaged.ending):
            moved |= not engaged.attempts  # the end of the run may wait for it
            attempt.listen(now)
            if attempt.watch.frames_done or attempt.process.poll():
                engaged.ending.remove(attempt)
                self._bear_witness(attempt)
        for hand in [hand for hand in self._hands if hand.is_free]:
            self._hands.remove(hand)
            self._send(ChoreDone(hand.chore.output, hand.error))
            moved = True
        if self._could_begin_another(now):
            self._ask(engaged)
        if not (engaged.pool.has_sessions or engaged.attempts) and now - engaged.since > _REST:
            close_resting()  # there are more ranks than tasks
        self._show_life(now)
        return moved

    @property
    def is_idle(self) -> bool:
        """Whether no renderer is at work."""
        return not (self._engaged and (self._engaged.attempts or self._engaged.ending))

    @property
    def has_asked(self) -> bool:
        """Whether it waits for a task."""
        return bool(self._engaged and self._engaged.has_asked)

    @property
    def voices(self) -> list[int]:
        """Files in which renderers may say something; see `Backoff.sleep`."""
        attempts = self._engaged.attempts if self._engaged else []
        return [voice for a in attempts if (voice := a.process.voice) is not None]

    def _look_after(self, attempt: Attempt, now: Seconds) -> bool:
        """Take in what a renderer has said and done; return whether anything was."""
        engaged = self._engagement()
        try:
            with working_in(engaged.scratch.folder):
                return self._take_in(attempt, now)
        except MpirenderError as error:
            if attempt in engaged.attempts:
                self._part_from(attempt)
            self._report_failure(attempt.task, attempt.number, error, attempt)
            self._end(attempt)
            return True

    def _take_in(self, attempt: Attempt, now: Seconds) -> bool:
        engaged = self._engagement()
        end = attempt.process.poll()
        attempt.listen(now)
        ended = end is not None and end.status == 0
        records = attempt.finished_tiles(now, ended=ended)
        self._check_words(attempt)  # before a frame is put in its place
        news: list[FrameDone | TilesDone] = [*self._new_frames(attempt, end, now)]
        if records:
            engaged.pool.provide()
            news.append(tiles_done(attempt, records))
        if attempt.is_done:
            result = self._finish(attempt, now)
            self._deliver(news, result, witness_follows=attempt in engaged.ending)
        elif end is not None:
            self._deliver(news)
            self._part_from(attempt)
            self._conclude(attempt, end, now)
        else:
            self._deliver(news)
            self._check(attempt, now)
        return bool(news or end or attempt.is_done)

    def _deliver(
        self,
        news: list[FrameDone | TilesDone],
        result: Result | None = None,
        *,
        witness_follows: bool = False,
    ) -> None:
        """Send what is finished; the result goes with the last of it, as the run may end there."""
        for message in news[:-1]:
            self._send(message)
        if news and witness_follows and isinstance(news[-1], TilesDone):
            self._send(replace(news[-1], result=result, witness_follows=True))
        elif news:
            self._send(replace(news[-1], result=result))
        elif result:
            self._send(TaskDone(result))

    def _part_from(self, attempt: Attempt) -> None:
        """Count an attempt no longer, and ask for a task where nothing else is being done."""
        engaged = self._engagement()
        engaged.attempts.remove(attempt)
        if not (engaged.attempts or engaged.has_asked):
            self._ask(engaged)

    def _new_frames(self, attempt: Attempt, end: Exit | None, now: Seconds) -> Iterator[FrameDone]:
        """Check the frames that the renderer has written, and yield them.

        It says so when it has handed the file to the system. One that is not whole yet is looked
        at again, but not once the renderer has ended.
        """
        engaged = self._engagement()
        job = engaged.job(attempt.task)
        for frame, path in attempt.written_frames():
            try:
                engaged.renderer(attempt.task).check(job, attempt.task, path)
            except (OutputMissing, OutputMismatch):
                if end is not None:
                    raise
                return
            yield frame_done(attempt, job, frame, now, puts=engaged.puts_frames)

    def _finish(self, attempt: Attempt, now: Seconds) -> Result:
        """Part from a renderer whose blocks are all there; one of them may still bear witness."""
        engaged = self._engagement()
        self._part_from(attempt)
        if pace := attempt.pace(now):
            engaged.paces[attempt.task.job] = pace
        end = attempt.process.exit
        used = (
            (end.cpu_seconds, end.peak_memory)
            if end
            else (attempt.process.cpu_seconds(), attempt.memory())
        )
        is_whole = attempt.has_streamed and not (attempt.is_shortened or attempt.command.request)
        if is_whole and engaged.job(attempt.task).bears_witness:
            engaged.ending.append(attempt)
        else:
            self._end(attempt)
        return result_of(attempt, self.rank, self.host, now, *used)

    def _bear_witness(self, attempt: Attempt) -> None:
        """Send a piece of a picture that the renderer has written with the scene itself."""
        engaged, task = self._engagement(), attempt.task
        if witness := witness_of(attempt, engaged.renderer(task), engaged.job(task)):
            self._send(witness)
        self._end(attempt)

    def _check(self, attempt: Attempt, now: Seconds) -> None:
        """Raise the reason why an attempt that still runs must be ended, if there is one."""
        limit = self._engagement().job(attempt.task).limits.timeout
        if limit is not None and now - attempt.started > limit:
            raise RendererTimeout(
                f"over the time limit of {format_seconds(limit)}",
                hint="raise --timeout, or hand out less at once with --rows-per-task",
            )
        if attempt.process.is_stalled(now):
            raise RendererTimeout(
                f"hung: no word and no processor time for {format_seconds(STALLED_AFTER)}"
            )

    def _check_words(self, attempt: Attempt) -> None:
        """Raise if, in its own words, nothing of what a renderer does can be used."""
        job, said = self._engagement().job(attempt.task), attempt.watch
        if said.version not in ("", job.version):
            raise VersionMismatch(
                f"{job.renderer} on {self.host} is version {said.version}, on rank 0's host"
                f" {job.version}",
                hint="install the same version on all hosts, or name one with --program PATH",
            )
        if said.size not in ((0, 0), (job.width, job.height)):
            raise OutputMismatch(
                f"{job.renderer} renders a picture of {said.size[0]}x{said.size[1]}, expected"
                f" {job.width}x{job.height}",
                hint="is there an INI file of another size on this host?",
            )

    def _could_begin_another(self, now: Seconds) -> bool:
        """Return whether it is time to ask for the next task."""
        engaged = self._engagement()
        if engaged.has_asked or len(engaged.attempts) > 1:
            return False
        if not engaged.attempts:
            return True
        attempt = engaged.attempts[0]
        lead = engaged.pool.lead(attempt.task, attempt.setup_seconds)
        if attempt.command.request:  # no process more
            pace = engaged.paces.get(attempt.task.job, math.inf)
            return min(attempt.seconds_left(now), attempt.seconds_left_at(pace, now)) <= lead
        if attempt.seconds_left(now) > lead:
            return False
        return _memory_available() > 2 * attempt.memory() * engaged.begin.neighbours

    def _ask(self, engaged: _Engagement) -> None:
        engaged.has_asked = True
        self._send(Ready())

    def _show_life(self, now: Seconds) -> None:
        """Report how far the tasks are, and that this rank lives."""
        engaged = self._engagement()
        if now - self._spoke >= engaged.begin.report_every * (1 if engaged.attempts else 4):
            self._spoke = now
            self._send(Working(tuple((a.task.id, a.fraction) for a in engaged.attempts)))

    # ------------------------------------------------------------------------------- results

    def _conclude(self, attempt: Attempt, end: Exit, now: Seconds) -> None:
        """Check what a renderer that has ended has left, and send it."""
        attempt.watch.judge(end)
        if attempt.has_streamed or attempt.pictures:
            raise RendererFailed(f"ended with {end}, but {attempt.left} of the task not finished")
        engaged = self._engagement()
        job, renderer = engaged.job(attempt.task), engaged.renderer(attempt.task)
        output = output_of(attempt, renderer, job)
        picture = renderer.read(job, attempt.task, output)
        used = end.cpu_seconds, end.peak_memory
        result = result_of(attempt, self.rank, self.host, now, *used)
        self._send(TaskDone(result, picture.format, picture.pixels))
        self._end(attempt)

    def _report_failure(
        self, task: Task, number: int, error: MpirenderError, attempt: Attempt | None = None
    ) -> None:
        """Tell the root what went wrong: what, where, which command and which log."""
        engaged = self._engagement()
        record = ErrorRecord.of(error)
        engaged.has_failed |= not record.is_fatal
        where = f"task {task.id} ({task}), attempt {number}, rank {self.rank} on {self.host}"
        detail = [record.detail or "\n".join(attempt.process.last_lines) if attempt else ""]
        if attempt:
            detail.append(f"command: {' '.join(attempt.command.argv)}")
            if attempt.command.request:
                detail.append(f"request: {attempt.command.request}")
            if not record.is_fatal:
                detail.append(f"log: {self.host}:{engaged.scratch.log(task.id, number)}")
        message = record.message if record.is_fatal else f"{where}: {record.message}"
        record = ErrorRecord(record.kind, message, record.hint, "\n".join(filter(None, detail)))
        self._send(TaskLost(task.id, number, record))

    def close(self) -> None:
        """End all renderers and remove the scratch folder; logs of failures stay."""
        close_resting()
        engaged = self._engaged
        if engaged is None:
            return
        for attempt in (*engaged.attempts, *engaged.ending):
            self._end(attempt)
        engaged.attempts.clear()
        engaged.ending.clear()
        engaged.pool.close()
        if not (engaged.keep or engaged.has_failed):
            engaged.scratch.remove()


def _memory_available() -> Bytes:
    """Return what the kernel could still give out on this host; a great deal where it is silent."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 1 << 62
