"""The state machine of a run: events come in, instructions come out.

`Schedule.handle` is the only thing that changes the schedule. It knows no MPI, no child process,
no disk and no clock of its own, so a run over any number of ranks is a list of calls in a test.

A task goes through these states::

    queued ──► active ──► completed
      ▲          │
      └ soft-failed ──► failed          after `Limits.retries` more attempts
    any of them but the last two ──► canceled
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum

from mpirender.errors import ErrorRecord
from mpirender.events import (
    Aborted,
    CancelRequested,
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
    WorkerLost,
    WorkerReady,
)
from mpirender.model import Result, Task
from mpirender.partition import Partition
from mpirender.policy import History, Policy
from mpirender.units import Seconds

__all__ = ["LOST_AFTER", "Schedule", "TaskState"]

SET_ASIDE_AFTER = 3
"""Failures in a row after which a rank gets no more work (Flamenco's number)."""

LOST_AFTER: Seconds = 60.0
"""Silence after which a rank counts as dead; ranks speak every few seconds even when idle."""

LONGEST_TICK: Seconds = 10.0
"""A longer time between two ticks means that rank 0 itself stood still, not the others."""


class TaskState(Enum):
    """States of a task."""

    QUEUED = "queued"
    ACTIVE = "active"
    SOFT_FAILED = "soft-failed"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(slots=True)
class _Entry:
    """What the schedule knows of one task."""

    task: Task
    state: TaskState = TaskState.QUEUED
    attempt: int = 0
    rank: int | None = None
    failed_on: set[int] = field(default_factory=set)
    errors: list[ErrorRecord] = field(default_factory=list)


class Schedule:
    """Who renders what, and what happens after a failure.

    Parameters
    ----------
    partition : Partition
        The picture, not yet cut.
    policy : Policy
        How much a rank gets next.
    ranks : int
        Ranks 0 to ``ranks - 1`` can take work.
    retries : int
        How often a failed task is tried again.
    """

    def __init__(self, partition: Partition, policy: Policy, *, ranks: int, retries: int) -> None:
        self._partition = partition
        self._policy = policy
        self._retries = retries
        self._entries: list[_Entry] = []
        self._held: dict[int, dict[int, _Entry]] = {}  # rank → task id → entry, none empty
        self._retry: dict[int, _Entry] = {}
        self._waiting: dict[int, None] = {}  # in the order in which they asked
        self._alive = dict.fromkeys(range(ranks))
        self._failures: dict[int, int] = defaultdict(int)
        self._heard: dict[int, Seconds] = {}
        self._last_tick: Seconds | None = None
        self._round_blocks = partition.total
        self._round_shares = 0  # that this round has still to give
        self._blocks = 0.0
        self._render_seconds = 0.0
        self._setup_seconds = 0.0
        self._latency_seconds = 0.0
        self._completed = 0
        self._stopped: set[int] = set()
        self.fatal: ErrorRecord | None = None
        """Why the run was ended early; None where it was not."""
        self.lost: set[int] = set()
        """Ranks that are dead."""

    # ------------------------------------------------------------------------------- queries

    @property
    def is_finished(self) -> bool:
        """True when nothing is left to do or to wait for."""
        if self.fatal:
            return True
        return not (self._partition.remaining or self._retry or self._held)

    @property
    def failed(self) -> list[tuple[Task, ErrorRecord]]:
        """Tasks that were given up, each with its last error."""
        return [(e.task, e.errors[-1]) for e in self._entries if e.state is TaskState.FAILED]

    @property
    def active(self) -> dict[int, list[Task]]:
        """Tasks that are being rendered, by rank; ranks without any are left out."""
        return {rank: [e.task for e in held.values()] for rank, held in self._held.items()}

    @property
    def busy(self) -> int:
        """How many ranks have a task."""
        return len(self._held)

    def state_of(self, task_id: int) -> TaskState:
        """Return the state of a task that has been handed out at least once."""
        return self._entries[task_id].state

    # -------------------------------------------------------------------------------- events

    def handle(self, event: Event, now: Seconds) -> list[Instruction]:
        """Take in what happened and return what is to be done.

        Parameters
        ----------
        event : Event
        now : float
            Seconds on any clock that does not run backwards.

        Returns
        -------
        instructions : list of Instruction
            In the order in which they are to be carried out.

        Notes
        -----
        Called by the root for every message, and with `Tick` a few times a second.
        """
        out: list[Instruction] = []
        match event:
            case WorkerReady(rank):
                if rank in self._alive:
                    self._waiting.setdefault(rank)
                self._heard[rank] = now
            case RankHeard(rank):
                self._heard[rank] = now
            case TaskCompleted(result):
                self._heard[result.rank] = now
                out += self._complete(result)
            case TaskFailed():
                self._heard[event.rank] = now
                out += self._fail(event)
            case WorkerLost(rank):
                out += self._lose(rank)
            case Tick():
                out += self._tick(now)
            case CancelRequested(reason):
                out += self._abort(reason)
        return out + self._distribute() + self._stop()

    def _complete(self, result: Result) -> list[Instruction]:
        entry = self._entries[result.task.id]
        if entry.state in (TaskState.COMPLETED, TaskState.CANCELED):
            return []
        late = entry.rank != result.rank and entry.state is TaskState.ACTIVE
        out: list[Instruction] = [CancelTask(entry.rank, entry.task.id)] if late else []  # type: ignore[arg-type]
        self._release(entry)
        entry.state = TaskState.COMPLETED
        self._failures[result.rank] = 0
        block = self._partition.grid.block
        self._blocks += max(1.0, result.task.tile.pixels / block**2)
        self._render_seconds += result.render_seconds
        self._setup_seconds += result.setup_seconds
        latency = result.seconds - result.setup_seconds - result.render_seconds
        self._latency_seconds += max(0.0, latency)
        self._completed += 1
        return out

    def _fail(self, event: TaskFailed) -> list[Instruction]:
        entry = self._entries[event.task_id]
        if entry.state is not TaskState.ACTIVE or entry.rank != event.rank:
            return []
        if event.error.is_fatal:
            return self._abort(event.error)
        self._soften(entry, event.error)
        if event.error.condemns_rank:
            entry.attempt -= 1
            return self._set_aside(event.rank, event.error)
        self._failures[event.rank] += 1
        if entry.attempt > self._retries:
            self._release(entry)
            entry.state = TaskState.FAILED
        nothing_works = not self._blocks
        if self._failures[event.rank] >= SET_ASIDE_AFTER and (
            nothing_works or len(self._alive) > 1
        ):
            return self._set_aside(event.rank, event.error)
        return []

    def _soften(self, entry: _Entry, error: ErrorRecord) -> None:
        """Queue a task again after a failure."""
        if entry.rank is not None:
            entry.failed_on.add(entry.rank)
        self._release(entry)
        entry.state = TaskState.SOFT_FAILED
        entry.errors.append(error)
        self._retry[entry.task.id] = entry

    def _release(self, entry: _Entry) -> None:
        """Take a task from the rank that has it, or from those that are to be tried again."""
        self._retry.pop(entry.task.id, None)
        if entry.rank is not None:
            held = self._held[entry.rank]
            del held[entry.task.id]
            if not held:
                del self._held[entry.rank]
            entry.rank = None

    def _set_aside(self, rank: int, error: ErrorRecord) -> list[Instruction]:
        if rank not in self._alive:
            return []
        del self._alive[rank]
        self._waiting.pop(rank, None)
        if not self._alive:
            return self._abort(error)
        return [SetAside(rank, error.message)]

    def _lose(self, rank: int) -> list[Instruction]:
        if rank in self.lost:
            return []
        self.lost.add(rank)
        error = ErrorRecord("TransportError", f"rank {rank} was lost")
        for entry in list(self._held.get(rank, {}).values()):
            entry.attempt -= 1
            self._soften(entry, error)
        return self._set_aside(rank, error)

    def _tick(self, now: Seconds) -> list[Instruction]:
        pause = now - self._last_tick if self._last_tick is not None else 0.0
        for rank in self._alive:
            self._heard.setdefault(rank, now)
        self._last_tick = now
        if pause > LONGEST_TICK:
            self._heard = {rank: heard + pause for rank, heard in self._heard.items()}
        silent = [
            rank
            for rank, heard in self._heard.items()
            if now - heard > LOST_AFTER and rank not in self.lost and rank not in self._stopped
        ]
        return [instruction for rank in silent for instruction in self._lose(rank)]

    def _abort(self, reason: ErrorRecord) -> list[Instruction]:
        if self.fatal:
            return []
        self.fatal = reason
        out: list[Instruction] = [Aborted(reason)]
        for entry in self._entries:
            if entry.rank is not None:
                out.append(CancelTask(entry.rank, entry.task.id))
            if entry.state not in (TaskState.COMPLETED, TaskState.FAILED):
                self._release(entry)
                entry.state = TaskState.CANCELED
        return out

    # -------------------------------------------------------------------------- instructions

    def _distribute(self) -> list[Instruction]:
        """Give work to the ranks that wait, those with nothing at all first."""
        if self.fatal or not (self._retry or self._partition.remaining):
            return []
        out: list[Instruction] = []
        for rank in sorted(self._waiting, key=self._held.__contains__):
            entry = self._next_for(rank)
            if entry is None:
                continue
            self._release(entry)
            entry.state, entry.rank = TaskState.ACTIVE, rank
            entry.attempt += 1
            self._held.setdefault(rank, {})[entry.task.id] = entry
            del self._waiting[rank]
            out.append(SendTask(rank, entry.task, entry.attempt))
        return out

    def _next_for(self, rank: int) -> _Entry | None:
        """Return what a rank is to do next: a failed task that it has not tried, or new work."""
        for entry in self._retry.values():
            if rank not in entry.failed_on or self._alive.keys() <= entry.failed_on:
                return entry
        if not self._partition.remaining:
            return None
        if not self._round_shares:
            self._round_blocks, self._round_shares = self._partition.remaining, len(self._alive)
        self._round_shares -= 1
        blocks = self._policy.next_chunk(self._partition.remaining, self.history)
        entry = _Entry(Task(len(self._entries), self._partition.cut(blocks)))
        self._entries.append(entry)
        return entry

    @property
    def history(self) -> History:
        """What the run has taught so far, for the policy."""
        tasks = max(1, self._completed)
        return History(
            ranks=max(1, len(self._alive)),
            total=self._partition.total,
            round_blocks=self._round_blocks,
            seconds_per_block=self._render_seconds / self._blocks if self._blocks else 0.0,
            setup_seconds=self._setup_seconds / tasks,
            latency_seconds=self._latency_seconds / tasks,
        )

    def _stop(self) -> list[Instruction]:
        """Send every living rank home, once, when the run is over."""
        if not self.is_finished:
            return []
        ranks = sorted((self._heard.keys() | self._alive.keys()) - self.lost - self._stopped)
        self._stopped.update(ranks)
        return [StopWorker(rank) for rank in ranks]
