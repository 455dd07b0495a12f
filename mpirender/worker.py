"""The steps of a rendering rank; rank 0 has one too.

A worker is told what to do by messages and goes on by `step`, which never waits: it looks at its
renderers, reports, and asks for its next task a moment before it needs it, so that the renderer's
own start-up, asleep for the most part, lies behind the end of the task before. Pixels are sent
after the next task has been asked for.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mpirender.errors import (
    ErrorRecord,
    MpirenderError,
    RendererTimeout,
    VersionMismatch,
)
from mpirender.hosts import seat_of_this_process
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
from mpirender.model import Job, Result, Task
from mpirender.paths import Scratch
from mpirender.process import Exit, Process, clean_environment
from mpirender.renderers import renderer_named
from mpirender.renderers.base import Command, Renderer, Watch
from mpirender.units import Bytes, Seconds, format_seconds

__all__ = ["Worker"]

log = logging.getLogger(__name__)

_LEAD = 4.0  # start latencies: forecasts err, and to begin too early costs a core nothing
_NEARLY = 0.25  # of a task; before that nothing is said of its end
_PACE_STEP: Seconds = 0.25
_STALL_LOOK: Seconds = 60.0
STALLED_AFTER: Seconds = 600.0
"""Time without a word and without any use of a processor after which a renderer counts as hung."""


@dataclass(slots=True)
class _Attempt:
    """One renderer of this rank."""

    task: Task
    number: int
    command: Command
    process: Process
    watch: Watch
    started: Seconds
    pace: deque[tuple[Seconds, float]] = field(default_factory=lambda: deque(maxlen=4))
    looked: Seconds = 0.0
    moved: Seconds = 0.0
    cpu_seconds: Seconds = 0.0

    def note_pace(self, now: Seconds) -> None:
        """Remember how far the attempt is, a few times a second."""
        if not self.pace or now - self.pace[-1][0] >= _PACE_STEP:
            self.pace.append((now, self.watch.fraction))

    def seconds_left(self, now: Seconds) -> Seconds:
        """Return the expected time to the last pixel, infinite while that is a guess.

        Of the pace since the start and that of the last second the slower one counts: pictures
        often begin with an empty sky.
        """
        done = self.watch.fraction
        if done < _NEARLY:
            return float("inf")
        if done >= 1:
            return 0.0
        since, before = self.pace[0]
        average = (now - self.started) / done
        recent = (now - since) / (done - before) if done > before else float("inf")
        return (1 - done) * max(average, recent)


@dataclass(slots=True)
class _Engagement:
    """What a worker holds once it has a job."""

    begin: Begin
    renderer: Renderer
    scratch: Scratch
    attempts: list[_Attempt] = field(default_factory=list)
    has_asked: bool = False
    has_failed: bool = False

    @property
    def job(self) -> Job:
        """The job."""
        return self.begin.job


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
        self.is_finished = False

    def greet(self) -> None:
        """Tell the root that this rank is there, and load what pictures need while it waits."""
        self._send(Hello(seat_of_this_process(self.host, os.environ)))
        from mpirender.images import preload

        preload()

    # ------------------------------------------------------------------------------ messages

    def handle(self, message: ToWorker, now: Seconds) -> None:
        """Do what the root says."""
        match message:
            case Begin():
                self._engage(message)
            case Assign(task, attempt):
                self._start(task, attempt, now)
            case Drop(task_id):
                self._drop(task_id)
            case Stop():
                self.is_finished = True
                self.close()

    def _engage(self, begin: Begin) -> None:
        job, scratch = begin.job, Scratch(self.rank)
        self._engaged = _Engagement(begin, renderer_named(job.renderer), scratch)
        if job.keep:
            log.info("rank %d on %s keeps its files in %s", self.rank, self.host, scratch.folder)
        self._ask(self._engaged)

    def _start(self, task: Task, number: int, now: Seconds) -> None:
        engaged = self._engagement()
        engaged.has_asked = False
        job, scratch = engaged.job, engaged.scratch
        command = engaged.renderer.command(
            job, task, attempt=number, threads=engaged.begin.threads, scratch=scratch.folder
        )
        log.debug("rank %d: task %d: %s", self.rank, task.id, " ".join(command.argv))
        try:
            process = Process(
                command.argv,
                directory=job.directory,
                environment=_environment(command, engaged.begin.threads),
                log=scratch.log(task.id, number),
            )
        except MpirenderError as error:
            self._report_failure(task, number, error)
            self._ask(engaged)
            return
        watch = engaged.renderer.watch(job, task)
        attempt = _Attempt(task, number, command, process, watch, started=now, moved=now)
        engaged.attempts.append(attempt)

    def _drop(self, task_id: int) -> None:
        engaged = self._engagement()
        for attempt in [a for a in engaged.attempts if a.task.id == task_id]:
            attempt.process.kill()
            engaged.attempts.remove(attempt)
            engaged.scratch.sweep(task_id=task_id)

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
            end = attempt.process.poll()
            lines = attempt.process.lines()
            self._listen(attempt, lines, now)
            if end is not None:
                engaged.attempts.remove(attempt)
                if not (engaged.attempts or engaged.has_asked):
                    self._ask(engaged)
                self._conclude(attempt, end, now)
                moved = True
            elif trouble := self._trouble(attempt, now):
                engaged.attempts.remove(attempt)
                attempt.process.kill()
                self._report_failure(attempt.task, attempt.number, trouble, attempt)
        if self._could_begin_another(now):
            self._ask(engaged)
        self._show_life(now)
        return moved

    def _listen(self, attempt: _Attempt, lines: list[str], now: Seconds) -> None:
        for line in lines:
            attempt.watch.see(line)
        if lines:
            attempt.moved = now
        attempt.note_pace(now)

    def _trouble(self, attempt: _Attempt, now: Seconds) -> MpirenderError | None:
        """Return why an attempt that still runs must be ended, or None."""
        if wrong := self._wrong_version(attempt):
            return wrong
        limit = self._engagement().job.limits.timeout
        if limit is not None and now - attempt.started > limit:
            return RendererTimeout(
                f"over the time limit of {format_seconds(limit)}",
                hint="raise --timeout, or hand out less at once with --rows-per-task",
            )
        if now - attempt.looked > _STALL_LOOK:
            attempt.looked = now
            used = attempt.process.cpu_seconds()
            if used > attempt.cpu_seconds:
                attempt.cpu_seconds, attempt.moved = used, now
        if now - attempt.moved > STALLED_AFTER:
            return RendererTimeout(
                f"hung: no word and no processor time for {format_seconds(STALLED_AFTER)}"
            )
        return None

    def _wrong_version(self, attempt: _Attempt) -> VersionMismatch | None:
        job, said = self._engagement().job, attempt.watch.version
        if said in ("", job.version):
            return None
        return VersionMismatch(
            f"{job.renderer} on {self.host} is version {said}, on rank 0's host {job.version}",
            hint="install the same version on all hosts, or name one with --program PATH",
        )

    def _could_begin_another(self, now: Seconds) -> bool:
        """Return whether it is time to ask for the next task."""
        engaged = self._engagement()
        if engaged.has_asked or len(engaged.attempts) > 1:
            return False
        if not engaged.attempts:
            return True
        attempt = engaged.attempts[0]
        return attempt.seconds_left(now) <= _LEAD * engaged.renderer.start_latency and (
            _memory_available() > 2 * attempt.process.memory() * engaged.begin.neighbours
        )

    def _ask(self, engaged: _Engagement) -> None:
        engaged.has_asked = True
        self._send(Ready())

    def _show_life(self, now: Seconds) -> None:
        """Report how far the tasks are, and that this rank lives."""
        engaged = self._engagement()
        if now - self._spoke >= engaged.begin.report_every * (1 if engaged.attempts else 4):
            self._spoke = now
            self._send(Working(tuple((a.task.id, a.watch.fraction) for a in engaged.attempts)))

    # ------------------------------------------------------------------------------- results

    def _conclude(self, attempt: _Attempt, end: Exit, now: Seconds) -> None:
        """Check what a renderer that has ended has left, and send it."""
        engaged = self._engagement()
        job, renderer = engaged.job, engaged.renderer
        attempt.process.close()
        try:
            if wrong := self._wrong_version(attempt):
                raise wrong
            attempt.watch.judge(end)
            picture = renderer.read(job, attempt.task, attempt.command.output)
        except MpirenderError as error:
            self._report_failure(attempt.task, attempt.number, error, attempt)
            return
        result = Result(
            task=attempt.task,
            attempt=attempt.number,
            rank=self.rank,
            host=self.host,
            seconds=now - attempt.started,
            setup_seconds=attempt.watch.setup_seconds,
            render_seconds=attempt.watch.render_seconds,
            cpu_seconds=end.cpu_seconds,
            peak_memory=end.peak_memory,
        )
        self._send(TaskDone(result, picture.format, picture.pixels))
        if not job.keep:
            engaged.scratch.sweep(task_id=attempt.task.id)

    def _report_failure(
        self, task: Task, number: int, error: MpirenderError, attempt: _Attempt | None = None
    ) -> None:
        """Tell the root what went wrong: what, where, which command and which log."""
        engaged = self._engagement()
        record = ErrorRecord.of(error)
        engaged.has_failed |= not record.is_fatal
        where = f"task {task.id} ({task.tile}), attempt {number}, rank {self.rank} on {self.host}"
        detail = [record.detail or "\n".join(attempt.process.last_lines) if attempt else ""]
        if attempt:
            detail.append(f"command: {' '.join(attempt.command.argv)}")
            if not record.is_fatal:
                detail.append(f"log: {self.host}:{engaged.scratch.log(task.id, number)}")
        message = record.message if record.is_fatal else f"{where}: {record.message}"
        record = ErrorRecord(record.kind, message, record.hint, "\n".join(filter(None, detail)))
        self._send(TaskLost(task.id, number, record))
        if not engaged.job.keep:
            engaged.scratch.sweep(task_id=task.id)

    def close(self) -> None:
        """End all renderers and remove the scratch folder; logs of failures stay."""
        engaged = self._engaged
        if engaged is None:
            return
        for attempt in engaged.attempts:
            attempt.process.kill()
        engaged.attempts.clear()
        if not (engaged.job.keep or engaged.has_failed):
            engaged.scratch.remove()


def _environment(command: Command, threads: int) -> dict[str, str]:
    """Return the variables for a renderer: the rank's own without the launcher's."""
    environment = clean_environment(os.environ)
    environment["OMP_NUM_THREADS"] = str(threads)
    return environment | dict(command.environment)


def _memory_available() -> Bytes:
    """Return what the kernel could still give out on this host; a great deal where it is silent."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 1 << 62
