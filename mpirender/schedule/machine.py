"""The state machine of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from mpirender.errors import ErrorRecord
from mpirender.events import (
    Aborted,
    CancelRequested,
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
    WorkerLost,
    WorkerReady,
)
from mpirender.model import Result, Task, Tile
from mpirender.partition import FramePartition, Partition
from mpirender.policy import History, Policy
from mpirender.schedule.costs import CostMap
from mpirender.schedule.entry import Entry, Pace, TaskState
from mpirender.schedule.lessons import Lessons
from mpirender.schedule.relief import Relief
from mpirender.schedule.silence import Silence
from mpirender.schedule.supply import Supply
from mpirender.schedule.waiting import Waiting
from mpirender.units import Seconds

__all__ = ["SET_ASIDE_AFTER", "Schedule"]

SET_ASIDE_AFTER = 3
"""Failures in a row after which a rank gets no more work (Flamenco's number)."""


_REFUSALS = 2  # the first rank's may be for its own task's sake; after a second all get that answer
_CALM: Seconds = 1e-7  # after refusals, for each rank, so that the root has time for the rest


class Schedule:
    """Who renders what, and what happens after a failure.

    Parameters
    ----------
    partition : Partition or FramePartition
        The picture or the frames, not yet cut.
    policy : Policy
        How much a rank gets next.
    ranks : int
        Ranks 0 to ``ranks - 1`` can take work.
    retries : int
        How often a failed task is tried again.
    """

    def __init__(
        self, partition: Partition | FramePartition, policy: Policy, *, ranks: int, retries: int
    ) -> None:
        self._partition = partition
        self._policy = policy
        self._supply = Supply(partition, policy)
        self._retries = retries
        self._entries: list[Entry] = []
        self._owners: dict[int, Entry] = {}  # of every block handed out and not finished
        self._held: dict[int, dict[int, Entry]] = {}  # rank → task id → entry, none empty
        self._retry: dict[int, Entry] = {}
        self._waiting = Waiting()
        self._calm_until: Seconds = float("-inf")  # no rank is worth relieving before
        self._alive = dict.fromkeys(range(ranks))
        self._resting: dict[int, None] = {}
        self._failures: dict[int, int] = defaultdict(int)
        self._silence = Silence()
        self._lessons = Lessons(CostMap(partition.units, partition.stride))
        self._relief = Relief(partition, policy, self._lessons)
        self._stopped: set[int] = set()
        self._now: Seconds = float("-inf")
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
        return not (self._held or self._retry) and self._supply.is_used_up

    @property
    def failed(self) -> list[tuple[Task, ErrorRecord]]:
        """Tasks that were given up, each with its last error."""
        return [(e.task, e.errors[-1]) for e in self._entries if e.state is TaskState.FAILED]

    @property
    def active(self) -> dict[int, list[Task]]:
        """Tasks that are being rendered, by rank; ranks without any are left out."""
        return {rank: [e.task for e in held.values()] for rank, held in self._held.items()}

    @property
    def history(self) -> History:
        """What the run has taught so far, as the policy is told."""
        return self._supply.history(self._lessons, len(self._alive))

    @property
    def busy(self) -> int:
        """How many ranks have a task."""
        return len(self._held)

    @property
    def policy(self) -> str:
        """Name of the rule by which work is shared out."""
        return self._policy.name

    def is_spare(self, task_id: int) -> bool:
        """Return whether a task is a copy of one that goes on."""
        return self._entries[task_id].is_spare

    def state_of(self, task_id: int) -> TaskState:
        """Return the state of a task that has been handed out at least once."""
        return self._entries[task_id].state

    def awaits(self, unit: int) -> bool:
        """Return whether a block has been handed out and is not finished."""
        return unit in self._owners

    @property
    def frames(self) -> int:
        """How many frames the run has."""
        return self._partition.frames

    def frame_at(self, frame: int) -> tuple[int, int | None]:
        """Return the job and the number of the frame at a position; no number in a still."""
        return self._partition.frame_at(frame)

    def units_of_frame(self, frame: int) -> tuple[int, ...]:
        """Return what `TilesCompleted` counts, all of one frame."""
        return tuple(self._partition.units_of(self._partition.whole(frame)))

    def units_of_blocks(
        self, frame: int, blocks: Sequence[int], missing: Collection[int]
    ) -> tuple[int, ...]:
        """Return what `TilesCompleted` counts: what some blocks have made complete.

        Parameters
        ----------
        frame : int
            Position of the frame.
        blocks : sequence of int
            That have been finished now.
        missing : collection of int
            All blocks of the frame that are not.
        """
        return tuple(self._partition.units_of_blocks(frame, blocks, missing))

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
        self._now = now
        rank: int | None = getattr(event, "rank", None)
        if rank is not None and not isinstance(event, WorkerLost):
            self._silence.end(rank, now)
        out = self._take_in(event, now) + self._distribute(event, now)
        if isinstance(event, Tick):
            out += self._copy_late_ones(now)
        return out + self._stop(rank)

    def _take_in(self, event: Event, now: Seconds) -> list[Instruction]:
        """Change the state as an event demands, and nothing that other ranks wait for."""
        match event:
            case TilesCompleted():  # first, as most are
                return self._note_tiles(event, now)
            case WorkerReady(rank) if rank in self._alive:
                self._wait(rank)
            case RankRests(rank):
                self._resting[rank] = self._alive.pop(rank)
            case TaskProgressed():
                self._note_progress(event, now)
            case TaskCompleted(result):
                return self._complete(result, now)
            case TaskFailed():
                return self._fail(event)
            case WorkerLost(rank):
                return self._lose(rank)
            case Tick():
                return self._tick(now)
            case CancelRequested(reason):
                return self._abort(reason)
        return []

    def _note_progress(self, event: TaskProgressed, now: Seconds) -> None:
        if event.task_id < len(self._entries):
            entry = self._entries[event.task_id]
            if entry.rank == event.rank:
                entry.fraction, entry.told = event.fraction, now
                self._relief.add(entry, now)

    def _note_tiles(self, event: TilesCompleted, now: Seconds) -> list[Instruction]:
        """Take finished blocks off those who have them to do, whoever rendered them."""
        entry = self._entries[event.task_id]
        if entry.rank == event.rank and self._lessons.note(event, entry, now):
            self._relief.add(entry, now)
        return self._take_off(event.blocks, entry, event.rank)

    def _take_off(self, blocks: Iterable[int], entry: Entry, rank: int) -> list[Instruction]:
        """Take blocks that a rank has finished for a task off those who have them to do."""
        done: dict[int, Entry] = {}
        for block in blocks:
            if owner := self._owners.pop(block, None):
                owner.left.discard(block)
                if not owner.left:
                    done[owner.task.id] = owner
        out: list[Instruction] = []
        for owner in done.values():
            if owner.state is not TaskState.COMPLETED:
                if owner is entry and entry.rank == rank:
                    self._lessons.compare(entry)
                # of a copy of several blocks each may have done some, and go on with the others
                is_done = owner is entry and not (owner.original and owner.units > 1)
                if owner.rank is not None and not is_done:
                    out.append(CancelTask(owner.rank, owner.task.id))
                out += self._end_original(owner, entry)
                self._release(owner)
                owner.state = TaskState.COMPLETED
                self._failures[rank] = 0
        return out

    def _end_original(self, copy: Entry, first: Entry) -> list[Instruction]:
        """End the task of which a finished one was a copy, whichever of the two was first."""
        original = copy.original
        if original is None or original.rank is None:
            return []
        order = CancelTask(original.rank, original.task.id)
        self._release(original)
        original.state = TaskState.COMPLETED
        return [] if first is original and copy.units == 1 else [order]

    def _complete(self, result: Result, now: Seconds) -> list[Instruction]:
        entry = self._entries[result.task.id]
        if entry.state in (TaskState.COMPLETED, TaskState.CANCELED):
            self._lessons.learn(result, self._partition.size_of(result.task.tile))
            return []
        late = entry.rank != result.rank and entry.state is TaskState.ACTIVE
        out: list[Instruction] = [CancelTask(entry.rank, entry.task.id)] if late else []  # type: ignore[arg-type]
        out += self._end_original(entry, entry)
        self._release(entry)
        entry.state = TaskState.COMPLETED
        # a picture has all of its rectangle, even what another rank has taken over meanwhile
        out += self._take_off(self._partition.units_of(result.task.tile), entry, result.rank)
        self._failures[result.rank] = 0
        self._lessons.learn(result, self._partition.size_of(result.task.tile))
        return out

    def _fail(self, event: TaskFailed) -> list[Instruction]:
        entry = self._entries[event.task_id]
        if entry.state is not TaskState.ACTIVE or entry.rank != event.rank:
            return []
        if event.error.is_fatal:
            return self._abort(event.error)
        if event.error.condemns_rank:
            entry.attempt -= 1
            self._soften(entry, event.error)
            return self._set_aside(event.rank, event.error)
        self._failures[event.rank] += 1
        if entry.attempt > self._retries and entry.left and not entry.is_spare:
            entry.errors.append(event.error)
            self._release(entry)
            entry.state = TaskState.FAILED
            self._disown(entry)
        else:
            self._soften(entry, event.error)
        if self._failures[event.rank] >= SET_ASIDE_AFTER and (
            self._lessons.nothing_works or len(self._alive) + len(self._resting) > 1
        ):
            return self._set_aside(event.rank, event.error)
        return []

    def _soften(self, entry: Entry, error: ErrorRecord) -> None:
        """Queue what is left of a task again after a failure, in as many tasks as it takes."""
        if entry.original and entry.is_spare:
            self._give_back(entry, entry.original)
            return
        if entry.rank is not None:
            entry.failed_on.add(entry.rank)
        self._release(entry)
        entry.errors.append(error)
        tiles = self._partition.tiles_of(entry.left)
        if tiles != [entry.task.tile]:
            entry.state = TaskState.COMPLETED  # as far as it went
        for tile in tiles:
            again = entry
            if tile != entry.task.tile:
                again = self._enter(tile)
                again.attempt = entry.attempt
                again.failed_on, again.errors = set(entry.failed_on), list(entry.errors)
            again.state = TaskState.SOFT_FAILED
            self._retry[again.task.id] = again

    def _give_back(self, copy: Entry, original: Entry) -> None:
        """Leave what a copy was to do to its original, which other ranks may copy."""
        if copy.rank is not None:
            original.failed_on.add(copy.rank)
        self._release(copy)
        copy.state = TaskState.CANCELED
        original.copy = None
        original.left |= copy.left
        self._owners.update(dict.fromkeys(copy.left, original))
        copy.left.clear()

    def _enter(self, tile: Tile) -> Entry:
        """Make a task of a rectangle; what of it is finished stays finished."""
        entry = Entry(self._partition.task(len(self._entries), tile))
        blocks = self._partition.units_of(tile)
        previous = next((self._owners[b] for b in blocks if b in self._owners), None)
        if previous:
            entry.left = previous.left.intersection(blocks)
            previous.left -= entry.left
        else:
            entry.left = set(blocks)
        entry.units = len(blocks)
        self._owners.update(dict.fromkeys(entry.left, entry))
        self._entries.append(entry)
        return entry

    def _disown(self, entry: Entry) -> None:
        """Wait for the blocks of a task no longer."""
        for block in entry.left:
            del self._owners[block]
        entry.left.clear()

    def _release(self, entry: Entry) -> None:
        """Take a task from the rank that has it, or from those that are to be tried again."""
        self._retry.pop(entry.task.id, None)
        if entry.rank is not None:
            held = self._held[entry.rank]
            was_first = entry is next(iter(held.values()))
            del held[entry.task.id]
            for following in held.values() if was_first else ():
                following.sent = max(following.sent, self._now)  # it begins now
            if not held:
                del self._held[entry.rank]
                if self._waiting.remove(entry.rank):
                    self._wait(entry.rank)
            entry.rank = None

    def _wait(self, rank: int) -> None:
        self._waiting.add(rank, is_busy=rank in self._held, speed=self._lessons.rating(rank))

    def _set_aside(self, rank: int, error: ErrorRecord) -> list[Instruction]:
        self._resting.pop(rank, None)
        if rank not in self._alive:
            return []
        del self._alive[rank]
        self._waiting.remove(rank)
        self._supply.release(rank)
        if self._resting:
            instead = next(iter(self._resting))
            self._alive[instead] = self._resting.pop(instead)
            self._wait(instead)
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
        silent = [rank for rank in self._silence.tick(now, self._alive) if not self._stopped]
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

    def _distribute(self, event: Event, now: Seconds) -> list[Instruction]:
        """Give work to the ranks that wait, those with nothing at all first."""
        if self.fatal or not self._waiting:
            return []
        # at a thousand ranks most events are blocks; whether one could be relieved can wait a tick
        frequent = isinstance(event, TilesCompleted | TaskProgressed | RankHeard)
        worth_asking = self._policy.takes_over and not frequent and now >= self._calm_until
        refusals = 0 if worth_asking else _REFUSALS
        waiting: Iterable[int] = self._waiting
        if not (refusals < _REFUSALS or self._retry or self._supply.is_for_all):
            if not isinstance(event, WorkerReady) or event.rank not in self._alive:
                return []
            waiting = [event.rank]  # which may have pieces of its own
        orders: list[Instruction] = []
        served: list[int] = []
        for rank in waiting:
            entry = self._next_for(rank)
            if entry is None and refusals < _REFUSALS:
                entry = self._take_over(rank, now, orders)
                if entry is None:
                    refusals += 1 if rank in self._held else _REFUSALS
                    self._calm_until = now + _CALM * len(self._alive)
            if entry is not None:
                orders += self._hand_out(entry, rank, now)
                served.append(rank)
            elif not (self._retry or self._supply.is_for_all or refusals < _REFUSALS):
                break
        for rank in served:
            self._waiting.remove(rank)
        return orders

    def _hand_out(self, entry: Entry, rank: int, now: Seconds) -> list[Instruction]:
        """Give a rank a task."""
        self._release(entry)
        entry.state, entry.rank = TaskState.ACTIVE, rank
        entry.pace, entry.sent, entry.fraction = Pace(now), now, 0.0
        if entry.task.numbers and entry.relieves is None:
            frames = self._partition.size_of(entry.task.tile)
            entry.expected = self._lessons.foretell(frames, rank) / entry.units
        self._relief.add(entry, now)
        entry.attempt += 1
        self._held.setdefault(rank, {})[entry.task.id] = entry
        return [
            SendTask(rank, entry.task, entry.attempt),
            *self._without_what_others_do(entry, rank),
        ]

    def _without_what_others_do(self, entry: Entry, rank: int) -> list[Instruction]:
        """Spare a rank the blocks of its rectangle that are finished, or another rank's to do."""
        if len(entry.left) == entry.units:
            return []
        others = set(self._partition.units_of(entry.task.tile)) - entry.left
        parts = self._partition.tiles_of(others)
        return [ShortenTask(rank, entry.task.id, part) for part in parts]

    def _next_for(self, rank: int) -> Entry | None:
        """Return what a rank is to do next: a failed task that it has not tried, or new work."""
        for entry in self._retry.values():
            if rank not in entry.failed_on or self._alive.keys() <= entry.failed_on:
                return entry
        piece = self._supply.next_for(rank, self._alive, self._lessons)
        return self._enter(piece) if piece else None

    def _take_over(self, rank: int, now: Seconds, out: list[Instruction]) -> Entry | None:
        """Return what a rank is to do of another one's task, as a task of its own."""
        found = self._relief.find(self._held, rank, now)
        if found is None or (owner := found.task.rank) is None:
            return None
        if found.tile is None:
            out.append(CancelTask(owner, found.task.task.id))
            found.task.attempt -= 1  # it has not been begun
            return found.task
        out.append(ShortenTask(owner, found.task.task.id, found.tile))
        newcomer = self._enter(found.tile)
        newcomer.relieves, newcomer.expected = owner, found.expected
        return newcomer

    def _copy_late_ones(self, now: Seconds) -> list[Instruction]:
        """Let ranks without work begin anew what others should have finished long ago."""
        is_over = self.fatal or self._retry or not self._supply.is_used_up
        if is_over or not (self._waiting and self._policy.takes_over):
            return []
        out: list[Instruction] = []
        for task in self._relief.late(self._held, now):
            idle = (rank for rank in self._waiting if rank not in self._held)
            rank = next((rank for rank in idle if rank not in task.failed_on), None)
            if rank is None or (tile := self._relief.copy_of(task, rank, now)) is None:
                continue
            copy = self._enter(tile)
            copy.original, task.copy = task, copy
            copy.failed_on, copy.errors = set(task.failed_on), list(task.errors)
            copy.attempt = task.attempt - 1
            out += self._hand_out(copy, rank, now)
            self._waiting.remove(rank)
        return out

    def _stop(self, speaker: int | None) -> list[Instruction]:
        """Send every living rank home, once, when the run is over; late ones when they speak."""
        if not self.is_finished:
            return []
        late = set() if speaker is None else {speaker}
        known = late if self._stopped else {*self._silence.ranks, *self._alive, *self._resting}
        ranks = sorted(known - self.lost - self._stopped)
        self._stopped.update(ranks)
        return [StopWorker(rank) for rank in ranks]
