"""What has not been handed out yet, and how much of it a rank gets next."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import cycle

from mpirender.model import Tile
from mpirender.partition import FramePartition, Partition
from mpirender.policy import History, Policy
from mpirender.schedule.lessons import Lessons

__all__ = ["Supply"]


class Supply:
    """What has not been handed out yet.

    It is cut when a rank asks. But if the policy deals, all of it is cut at the first question,
    and each piece belongs to a rank; those of a rank that gets no more work are for all others.

    Parameters
    ----------
    partition : Partition or FramePartition
        Not yet cut.
    policy : Policy
        How much a rank gets.
    """

    def __init__(self, partition: Partition | FramePartition, policy: Policy) -> None:
        self._partition = partition
        self._policy = policy
        self._round_blocks = partition.total
        self._round_shares = 0  # that this round has still to give
        self._dealt: dict[int, deque[Tile]] = {}  # none empty
        self._left_behind: deque[Tile] = deque()

    @property
    def is_used_up(self) -> bool:
        """Whether everything has been handed out."""
        return not (self._partition.remaining or self._dealt or self._left_behind)

    @property
    def is_for_all(self) -> bool:
        """Whether there is something that any rank may have."""
        return bool(self._partition.remaining or self._left_behind)

    def next_for(self, rank: int, alive: Collection[int], lessons: Lessons) -> Tile | None:
        """Return the next piece for a rank; None if there is none for it.

        Parameters
        ----------
        rank : int
        alive : collection of int
            All ranks that can take work.
        lessons : Lessons
        """
        if not self._policy.deals:
            return self._cut(rank, len(alive), lessons) if self._partition.remaining else None
        for receiver in cycle(alive):
            if not self._partition.remaining:
                break
            piece = self._cut(receiver, len(alive), lessons)
            self._dealt.setdefault(receiver, deque()).append(piece)
        return self._next_dealt(rank)

    def _next_dealt(self, rank: int) -> Tile | None:
        """Return a rank's own next piece, or one that another has left behind."""
        if own := self._dealt.get(rank):
            piece = own.popleft()
            if not own:
                del self._dealt[rank]
            return piece
        return self._left_behind.popleft() if self._left_behind else None

    def release(self, rank: int) -> None:
        """Let all others have what belongs to a rank that gets no more work."""
        self._left_behind += self._dealt.pop(rank, ())

    def _cut(self, rank: int, ranks: int, lessons: Lessons) -> Tile:
        if not self._round_shares:
            self._round_blocks, self._round_shares = self._partition.remaining, ranks
        history = self.history(lessons, ranks, rank)
        self._round_shares -= 1
        chunk = self._policy.next_chunk(self._partition.remaining, history)
        return self._partition.cut(chunk, seconds=history.seconds_per_block)

    def history(self, lessons: Lessons, ranks: int, rank: int | None = None) -> History:
        """Return what the policy may know when a rank asks, or any of so many."""
        tasks = max(1, lessons.tasks)
        return History(
            ranks=max(1, ranks),
            total=self._partition.total,
            round_blocks=self._round_blocks,
            round_shares=self._round_shares,
            seconds_per_block=lessons.seconds_per_block,
            setup_seconds=lessons.setup_seconds / tasks,
            latency_seconds=lessons.latency_seconds / tasks,
            speed=lessons.speed_of(rank),
        )
