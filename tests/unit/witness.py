"""A schedule of one picture that is looked at from outside."""

from __future__ import annotations

from collections import Counter

from mpirender.events import Aborted, Event, Instruction, StopWorker, TilesCompleted
from mpirender.partition import Grid, Partition
from mpirender.policy import Policy
from mpirender.schedule import Schedule


class Witness(Schedule):
    """A schedule that keeps count of what it is told, and what it answers."""

    def __init__(self, grid: Grid, policy: Policy, *, ranks: int, retries: int = 2) -> None:
        self.partition = Partition(grid)
        super().__init__(self.partition, policy, ranks=ranks, retries=retries)
        self.traced: Counter[int] = Counter()
        self.kept: Counter[int] = Counter()
        self.stopped: Counter[int] = Counter()
        self.aborted = False

    def handle(self, event: Event, now: float) -> list[Instruction]:
        assert now < 1e7, "it never ends"
        if isinstance(event, TilesCompleted):
            self.traced.update(event.blocks)
            self.kept.update(block for block in event.blocks if self.awaits(block))
        out = super().handle(event, now)
        self.stopped.update(i.rank for i in out if isinstance(i, StopWorker))
        self.aborted |= any(isinstance(i, Aborted) for i in out)
        return out
