"""What a run teaches as it goes: what tasks cost, and when running ones will end."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from mpirender.events import TilesCompleted
from mpirender.model import Result
from mpirender.policy import Takeover
from mpirender.schedule.costs import CostMap
from mpirender.schedule.entry import Entry, Pace, rest_of, time_of
from mpirender.units import Seconds

__all__ = ["Lessons", "unfinished"]

_CHANCE = 4.0  # blocks that say as much of a rank's speed as of their own cost
_SURPRISING = math.log(4)  # hosts of one run hardly differ by more
_STALE = 3 / 4  # part of a task's unfinished blocks at which what is around them is looked at anew
_TELLING = 0.02  # fraction of a task from which its end can be foretold
_LATELY = 1 / 16  # weight of the last task among those before it


@dataclass(slots=True)
class Lessons:
    """Sums over the tasks so far, and the costs of blocks.

    Attributes
    ----------
    costs : CostMap
        Of blocks, on a rank of mean speed.
    blocks, tasks : float, int
        That have been completed.
    render_seconds, setup_seconds, latency_seconds : float
        Of these; see `mpirender.model.Result`.
    begun, begun_blocks : int
        Tasks that have finished a block, and all of their blocks.
    start_seconds, pretrace_seconds : float
        Of these; see `mpirender.events.TilesCompleted`.
    """

    costs: CostMap
    blocks: float = 0.0
    tasks: int = 0
    render_seconds: Seconds = 0.0
    setup_seconds: Seconds = 0.0
    latency_seconds: Seconds = 0.0
    begun: int = 0
    begun_blocks: int = 0
    start_seconds: Seconds = 0.0
    pretrace_seconds: Seconds = 0.0
    _lately: Seconds = 0.0  # what a block took on a rank of mean speed, the last tasks count most
    _done_by: dict[int, tuple[float, Seconds]] = field(default_factory=dict)  # blocks, seconds
    _speeds: float = 0.0  # the sum of all, in blocks a second
    _ratings: dict[int, float] = field(default_factory=dict)  # speeds by rank, 1 for the others

    @property
    def nothing_works(self) -> bool:
        """Whether no renderer has finished anything."""
        return not (self.blocks or self.begun)

    @property
    def seconds_per_block(self) -> Seconds:
        """Mean time that a block took; 0 where nothing is known."""
        return self.render_seconds / self.blocks if self.blocks else 0.0

    def learn(self, result: Result, blocks: float) -> None:
        """Remember what a task has cost."""
        latency = result.seconds - result.setup_seconds - result.render_seconds
        self.blocks += blocks
        self.render_seconds += result.render_seconds
        self.setup_seconds += result.setup_seconds
        self.latency_seconds += max(0.0, latency)
        self.tasks += 1
        if result.render_seconds > 0:
            self._speeds -= self._speed(result.rank)
            done, seconds = self._done_by.get(result.rank, (0.0, 0.0))
            self._done_by[result.rank] = done + blocks, seconds + result.render_seconds
            self._speeds += self._speed(result.rank)
            took = (result.setup_seconds + result.render_seconds) / blocks
            self._lately += (took * self.speed_of(result.rank) - self._lately) * max(
                _LATELY, 1 / self.tasks
            )

    def foretell(self, blocks: float, rank: int) -> Seconds:
        """Return what a task should take a rank, by what the last ones took; 0 if unknown."""
        return self._lately * blocks / self.speed_of(rank)

    def speed_of(self, rank: int | None) -> float:
        """Return how fast a rank is, as a part of the mean of all; 1 where nothing is known."""
        if rank is None or rank not in self._done_by:
            return 1.0
        return self._speed(rank) * len(self._done_by) / self._speeds

    def _speed(self, rank: int) -> float:
        blocks, seconds = self._done_by.get(rank, (0.0, 1.0))
        return blocks / seconds

    def note(self, event: TilesCompleted, entry: Entry, now: Seconds) -> bool:
        """Learn the pace of a running task from its blocks; return whether they are its first."""
        if entry.pace is None or not event.blocks:
            return False
        before = event.setup_seconds + event.pretrace_seconds
        pace, speed = entry.pace.seconds, self.rating(event.rank)
        is_first = pace is None
        took = entry.pace.note(now, len(event.blocks), before=before if is_first else 0.0)
        self.costs.learn(event.blocks, took * speed, None if pace is None else pace * speed)
        # it is not told of whole frames, nor of what is left to a copy
        if is_first and entry.left and (before or not entry.task.numbers):
            self.begun += 1
            self.begun_blocks += len(entry.left)
            self.start_seconds += event.setup_seconds
            self.pretrace_seconds += event.pretrace_seconds
        return is_first

    def outlook(self, entry: Entry, now: Seconds) -> tuple[Seconds, Seconds]:
        """Return in which time a running task should end, and what its dearest block should take.

        The time is 0 where nothing is known of it, and where nobody could take anything: it has one
        block, or it is a copy of a task that goes on.

        Parameters
        ----------
        entry : Entry
        now : float
        """
        if len(entry.left) < 2 or entry.is_spare:
            return 0.0, 0.0
        if pace := _pace_of(entry):
            return self._outlook_at(entry, pace, now)
        return self._end_of(entry, now), self._expected_of(entry)

    def _outlook_at(self, entry: Entry, pace: Pace, now: Seconds) -> tuple[Seconds, Seconds]:
        """Return the outlook of a task that is followed, by about what `times_of` says."""
        left, nearby = len(entry.left), entry.nearby
        if nearby is None or left < _STALE * nearby.blocks:
            entry.nearby = nearby = self.costs.look_around(entry.left)
        gone, speed = now - pace.since, self.rating(entry.rank)
        begun = (pace.seconds or 0.0) * speed
        other, trust = max(begun, gone * speed), self.costs.trust * nearby.known
        dearest = max(begun, begun + self.costs.trust * (nearby.dearest - begun))
        begun += trust * (nearby.mean - begun)
        other += trust * (nearby.mean - other)
        return rest_of(begun / speed, gone) + other / speed * (left - 1), dearest / speed

    def _end_of(self, entry: Entry, now: Seconds) -> Seconds:
        """Return in which time a task should end that is not followed block by block."""
        if _is_told_of(entry):
            left = min(len(entry.left), entry.units - entry.begun(now))
            return (entry.told - entry.sent) / (entry.fraction * entry.units) * left
        if _is_foretold(entry):
            return entry.seconds_left(now)
        if expected := self._expected_of(entry):
            start = self.start_seconds / max(1, self.begun)
            each = expected + self.pretrace_seconds / max(1, self.begun_blocks)
            gone = now - entry.sent - start
            return max(0.0, -gone) + time_of(len(entry.left), each, max(0.0, gone))
        return 0.0

    def _expected_of(self, entry: Entry) -> Seconds:
        """Return what a block of a task should take of which nothing has been heard."""
        return entry.expected or (0.0 if entry.task.numbers else self.seconds_per_block)

    def anew(self, entry: Entry, rank: int, size: float) -> Seconds:
        """Return what a task's unfinished blocks should take another rank; 0 where unknown.

        Parameters
        ----------
        entry : Entry
        rank : int
            Which would begin anew.
        size : float
            Of the whole task, as `learn` counts it.
        """
        if not self.seconds_per_block:
            return 0.0
        setup = (self.setup_seconds + self.latency_seconds) / self.tasks
        if entry.task.numbers:
            return setup + self.foretell(size, rank) * len(entry.left) / entry.units
        blocks = self.costs.foretell(entry.left, self.seconds_per_block)
        return setup + sum(blocks) / self.rating(rank)

    def compare(self, entry: Entry) -> None:
        """Learn from a part that a rank has taken over how fast it is against the other one.

        What ranks took for their own shares says little of that, since shares differ in cost; the
        part was a neighbour of what the other one did. As in a league, half of the surprise is
        credited to one and half debited to the other; but a great surprise only tells that the part
        was another thing after all.
        """
        rank, other = entry.rank, entry.relieves
        if rank is None or other is None or not (entry.pace and entry.pace.seconds):
            return
        surprise = math.log(entry.expected / entry.pace.seconds) if entry.expected else 0.0
        if abs(surprise) > _SURPRISING:
            return
        moved = math.exp(surprise / 2 * entry.units / (entry.units + _CHANCE))
        self._ratings[rank] = self.rating(rank) * moved
        self._ratings[other] = self.rating(other) / moved

    def rating(self, rank: int | None) -> float:
        """Return how fast a rank is, as far as is known, to be divided by that of another one."""
        return self._ratings.get(rank, 1.0) if rank is not None else 1.0

    def times_of(
        self, blocks: Sequence[int], entry: Entry, seconds_left: Seconds, now: Seconds
    ) -> list[Seconds]:
        """Return what each of a running task's unfinished blocks should still take.

        Parameters
        ----------
        blocks : sequence of int
            In their order; the first has been begun.
        entry : Entry
        seconds_left : float
            What all of them should take; what is known of each is taken instead where it is.
        now : float
        """
        pace = _pace_of(entry)
        if pace is None:
            return [seconds_left / len(blocks) for _ in blocks]
        gone, speed = now - pace.since, self.rating(entry.rank)
        each = (pace.seconds or 0.0) * speed
        begun, *_ = self.costs.foretell(blocks[:1], each)
        others = self.costs.foretell(blocks[1:], max(each, gone * speed))
        return [rest_of(begun / speed, gone), *(seconds / speed for seconds in others)]

    def takeover(
        self, rank: int, entry: Entry, times: Sequence[Seconds], counts: Sequence[int]
    ) -> Takeover:
        """Return what a rank without work could relieve another one of.

        Parameters
        ----------
        rank : int
        entry : Entry
            What the other one does.
        times : sequence of float
            What each of its unfinished blocks should still take; see `times_of`.
        counts : sequence of int
            How many of the last of them each part has that can be taken.
        """
        of_last = [0.0, *accumulate(reversed(times))]
        return Takeover(
            sum(times),
            speed=self.rating(rank) / self.rating(entry.rank),
            setup_seconds=self.start_seconds / max(1, self.begun),
            pretrace_seconds=self.pretrace_seconds / max(1, self.begun_blocks),
            parts=[(blocks, of_last[blocks]) for blocks in counts],
        )


def unfinished(entry: Entry, units: Sequence[int], now: Seconds) -> list[int]:
    """Return what of a task's units is not finished, as far as can be told, in their order."""
    left = sorted(entry.left)
    if not _pace_of(entry):
        if _is_told_of(entry):
            return left[bisect_left(left, units[entry.begun(now)]) :]
        if _is_foretold(entry):
            return left[entry.begun_as_foretold(now) :]
    return left


def _is_told_of(entry: Entry) -> bool:
    """Return whether a rank has said how far a task is, and far enough to tell its end."""
    return entry.fraction >= _TELLING and entry.told > entry.sent


def _is_foretold(entry: Entry) -> bool:
    """Return whether nothing is known of a task but what others like it took."""
    return entry.relieves is None and entry.expected > 0


def _pace_of(entry: Entry) -> Pace | None:
    """Return the pace of a task that is followed block by block."""
    is_known = entry.pace and entry.pace.seconds is not None
    return entry.pace if is_known and entry.task.tile.frames == 1 else None
