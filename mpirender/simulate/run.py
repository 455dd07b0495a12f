"""Ranks, a clock and a network: what the real worker and the real transport do, in no time."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mpirender.errors import ErrorRecord
from mpirender.events import (
    CancelTask,
    Event,
    Instruction,
    RankHeard,
    SendTask,
    ShortenTask,
    StopWorker,
    TaskCompleted,
    TaskFailed,
    TaskProgressed,
    Tick,
    TilesCompleted,
    WorkerLost,
    WorkerReady,
)
from mpirender.model import Result, Task, Tile
from mpirender.partition import FramePartition, Partition
from mpirender.schedule import Schedule, report_every
from mpirender.simulate.fleet import Fleet
from mpirender.units import Seconds

__all__ = ["Simulation", "Span"]

_LEAD = 4.0  # of the latency, as in the real worker
_NEARLY = 0.25  # of a task, as there
_TICK: Seconds = 0.1
_IDLE_TICK: Seconds = 1.0  # while no rank waits
_DEATH_IS_SEEN_AFTER: Seconds = 1.0
_FAILURE = ErrorRecord("RendererFailed", "a simulated failure")


@dataclass(frozen=True, slots=True)
class Span:
    """The time from a rank's first work for a task to the last."""

    rank: int
    task: Task
    start: Seconds
    end: Seconds


@dataclass(slots=True, eq=False)
class _Attempt:
    """A renderer at work."""

    task: Task
    number: int
    started: Seconds
    todo: deque[int]
    fails_after: int | None
    frames: Mapping[int, int]  # last unit of each whole frame → its first; empty for parts
    units: int = 0
    began: Seconds | None = None
    since: Seconds = 0.0  # of the unit that is being traced
    done: int = 0
    untold: list[int] = field(default_factory=list)
    setup_seconds: Seconds = 0.0
    pretrace_seconds: Seconds = 0.0
    is_shortened: bool = False
    sends_blocks: bool = False

    def __post_init__(self) -> None:
        self.units = len(self.todo)

    def seconds_left(self, now: Seconds, last: Seconds) -> Seconds:
        """Return what the worker expects, given what the last unit took."""
        if self.done < _NEARLY * self.units and not self.is_shortened:
            return float("inf")
        return len(self.todo) * max((now - self.started) / self.done, last)


@dataclass(slots=True, eq=False)
class _Rank:
    """One rank: at work on its first attempt, the next one is about to begin."""

    number: int
    speed: float
    attempts: list[_Attempt] = field(default_factory=list)
    has_asked: bool = True
    is_gone: bool = False

    def attempt_at(self, task_id: int) -> _Attempt | None:
        return next((a for a in self.attempts if a.task.id == task_id), None)


class Simulation:
    """A run under a simulated clock.

    Parameters
    ----------
    schedule : Schedule
        Of as many ranks as the fleet has.
    partition : Partition or FramePartition
        Of the schedule.
    fleet : Fleet

    Attributes
    ----------
    makespan : float
        Seconds from the first question to the moment when the root has all.
    spans : list of Span
        What every rank did when.
    """

    def __init__(
        self, schedule: Schedule, partition: Partition | FramePartition, fleet: Fleet
    ) -> None:
        self.makespan: Seconds = 0.0
        self.spans: list[Span] = []
        self._schedule = schedule
        self._partition = partition
        self._fleet = fleet
        self._ranks = [_Rank(rank, speed) for rank, speed in enumerate(fleet.speeds)]
        self._waiting = len(self._ranks)
        self._agenda: list[tuple[Seconds, int, Callable[..., None], tuple[object, ...]]] = []
        self._numbers = itertools.count()

    def run(self) -> Simulation:
        """Let time pass until nothing is left to happen."""
        every = report_every(len(self._ranks))
        for rank in self._ranks:
            self._tell(0.0, WorkerReady(rank.number))
            self._at(every * (1 + rank.number / len(self._ranks)), self._show_life, rank, every)
        for number, when in self._fleet.deaths.items():
            self._at(when, self._die, self._ranks[number])
        self._at(_TICK, self._tick)
        while self._agenda:
            now, _, deed, arguments = heapq.heappop(self._agenda)
            deed(now, *arguments)
        return self

    @property
    def busy(self) -> list[Seconds]:
        """Seconds that each rank was at work."""
        busy = [0.0] * len(self._ranks)
        for span in self.spans:  # some end when it is known that nobody waits for them
            busy[span.rank] += max(0.0, min(span.end, self.makespan) - span.start)
        return busy

    @property
    def idle_share(self) -> float:
        """Share of the time of all ranks in which they were not at work, 0 to 1."""
        total = len(self._ranks) * self.makespan
        return 1 - sum(self.busy) / total if total else 0.0

    # ------------------------------------------------------------------------------ messages

    def _at(self, when: Seconds, deed: Callable[..., None], *arguments: object) -> None:
        heapq.heappush(self._agenda, (when, next(self._numbers), deed, arguments))

    def _tell(self, now: Seconds, event: Event) -> None:
        """Let a message travel to the root."""
        self._at(now + self._fleet.overheads.delay, self._hear, event)

    def _hear(self, now: Seconds, event: Event) -> None:
        """Be the root: let the schedule decide, and let its instructions travel."""
        was_finished = self._schedule.is_finished
        orders = self._schedule.handle(event, now)
        if self._schedule.is_finished and not was_finished:
            self.makespan = now
        for order in orders:
            if isinstance(order, SendTask):
                self._waiting -= 1
            if isinstance(order, SendTask | ShortenTask | CancelTask | StopWorker):
                self._at(now + self._fleet.overheads.delay, self._obey, order)

    def _obey(self, now: Seconds, order: Instruction) -> None:
        """Be a rank that has been told something."""
        match order:
            case SendTask(number, task, attempt) if not self._ranks[number].is_gone:
                self._start(now, self._ranks[number], task, attempt)
            case ShortenTask(number, task_id, part):
                self._shorten(now, self._ranks[number], task_id, part)
            case CancelTask(number, task_id):
                rank = self._ranks[number]
                if attempt_ := rank.attempt_at(task_id):
                    self._part_from(now, rank, attempt_)
            case StopWorker(number):
                self._ranks[number].is_gone = True

    def _tick(self, now: Seconds) -> None:
        self._hear(now, Tick())
        if not self._schedule.is_finished:
            self._at(now + (_TICK if self._waiting else _IDLE_TICK), self._tick)

    def _show_life(self, now: Seconds, rank: _Rank, every: Seconds) -> None:
        if rank.is_gone or self._schedule.is_finished:
            return
        self._tell(now, RankHeard(rank.number))
        for attempt in rank.attempts[:1]:
            if not attempt.sends_blocks and attempt.began is not None and attempt.todo:
                cost = self._fleet.costs[attempt.todo[0]] / rank.speed
                inside = min(1.0, max(0.0, now - attempt.since) / cost) if cost else 0.0
                fraction = (attempt.done + inside) / attempt.units
                self._tell(now, TaskProgressed(rank.number, attempt.task.id, fraction))
        self._at(now + every * (1 if rank.attempts else 4), self._show_life, rank, every)

    def _die(self, now: Seconds, rank: _Rank) -> None:
        rank.is_gone = True
        self._at(now + _DEATH_IS_SEEN_AFTER, self._hear, WorkerLost(rank.number))

    # ------------------------------------------------------------------------------ attempts

    def _start(self, now: Seconds, rank: _Rank, task: Task, number: int) -> None:
        """Start a renderer, which sleeps first."""
        tile, partition = task.tile, self._partition
        frames: dict[int, int] = {}
        if task.numbers and tile.height == partition.whole(tile.frame).height:
            for frame in range(tile.frame, tile.frame + tile.frames):
                units = partition.units_of(partition.whole(frame))
                frames[units[-1]] = units[0]
        attempt = _Attempt(
            task,
            number,
            now,
            deque(partition.units_of(tile)),
            self._fleet.fails_after(task, number),
            frames,
            sends_blocks=self._fleet.streams and not frames,
        )
        rank.has_asked = False
        rank.attempts.append(attempt)
        if attempt is rank.attempts[0]:
            self._at(now + self._fleet.overheads.latency, self._begin, rank, attempt)

    def _begin(self, now: Seconds, rank: _Rank, attempt: _Attempt) -> None:
        """Begin to work on a task."""
        if rank.is_gone or attempt.began is not None or attempt not in rank.attempts:
            return
        overheads = self._fleet.overheads
        setup, pretrace = overheads.setup / rank.speed, overheads.pretrace / rank.speed
        attempt.began = now
        attempt.setup_seconds = overheads.latency + setup
        attempt.pretrace_seconds = pretrace * attempt.units
        self._trace(now + setup + attempt.pretrace_seconds, rank, attempt)

    def _trace(self, now: Seconds, rank: _Rank, attempt: _Attempt) -> None:
        """Begin the next unit."""
        attempt.since = now
        cost = self._fleet.costs[attempt.todo[0]] / rank.speed
        self._at(now + cost, self._finish_unit, rank, attempt)

    def _finish_unit(self, now: Seconds, rank: _Rank, attempt: _Attempt) -> None:
        if rank.is_gone or attempt not in rank.attempts:
            return
        if attempt.done == attempt.fails_after:
            self._fail(now, rank, attempt)
            return
        unit = attempt.todo.popleft()
        attempt.done += 1
        attempt.untold.append(unit)
        if not attempt.todo:
            self._finish(now, rank, attempt)
            return
        if attempt.sends_blocks or unit in attempt.frames:
            self._tell_units(now, rank, attempt)
        last = now - attempt.since
        lead = _LEAD * self._fleet.overheads.latency
        is_last = not rank.has_asked and len(rank.attempts) == 1
        if is_last and attempt.seconds_left(now, last) <= lead:
            self._ask(now, rank)
        next_frame = unit in attempt.frames
        setup = self._fleet.overheads.setup / rank.speed if next_frame else 0.0
        self._trace(now + setup, rank, attempt)

    def _tell_units(self, now: Seconds, rank: _Rank, attempt: _Attempt) -> None:
        """Send what has been finished and not been sent."""
        if not attempt.untold:
            return
        setup, pretrace = (
            (attempt.setup_seconds, attempt.pretrace_seconds) if attempt.sends_blocks else (0, 0)
        )
        units = tuple(attempt.untold)
        attempt.untold.clear()
        self._tell(now, TilesCompleted(rank.number, attempt.task.id, units, setup, pretrace))

    def _finish(self, now: Seconds, rank: _Rank, attempt: _Attempt) -> None:
        """Part from a renderer whose task is done; ask for the next one first."""
        self._part_from(now, rank, attempt)
        is_followed = attempt.sends_blocks or bool(attempt.frames)
        if is_followed:
            self._tell_units(now, rank, attempt)
        self._tell(now, TaskCompleted(self._result(now, rank, attempt, is_followed)))

    def _result(self, now: Seconds, rank: _Rank, attempt: _Attempt, is_followed: bool) -> Result:
        seconds, setup = now - attempt.started, attempt.setup_seconds
        render = seconds - setup
        if not is_followed:
            setup = self._fleet.overheads.setup / rank.speed
        return Result(attempt.task, attempt.number, rank.number, "", seconds, setup, render, 0.0, 0)

    def _fail(self, now: Seconds, rank: _Rank, attempt: _Attempt) -> None:
        self._part_from(now, rank, attempt)
        self._tell(now, TaskFailed(rank.number, attempt.task.id, attempt.number, _FAILURE))

    def _part_from(self, now: Seconds, rank: _Rank, attempt: _Attempt) -> None:
        """End an attempt; the next one begins, or is asked for."""
        rank.attempts.remove(attempt)
        if attempt.began is not None:
            self.spans.append(Span(rank.number, attempt.task, attempt.began, now))
        if rank.attempts:
            begin = max(now, rank.attempts[0].started + self._fleet.overheads.latency)
            self._at(begin, self._begin, rank, rank.attempts[0])
        elif not rank.has_asked:
            self._ask(now, rank)

    def _ask(self, now: Seconds, rank: _Rank) -> None:
        rank.has_asked = True
        self._waiting += 1
        self._tell(now, WorkerReady(rank.number))

    def _shorten(self, now: Seconds, rank: _Rank, task_id: int, part: Tile) -> None:
        """Leave a part of a task to another rank."""
        attempt = rank.attempt_at(task_id)
        if rank.is_gone or attempt is None:
            return
        attempt.is_shortened = True
        if attempt.frames and part.height < self._partition.whole(part.frame).height:
            attempt.sends_blocks = True
            self._tell_units(now, rank, attempt)
        gone = set(self._partition.units_of(part))
        attempt.todo = deque(unit for unit in attempt.todo if unit not in gone)
        if not attempt.todo:
            self._finish(now, rank, attempt)
