"""The root, with everything around it made up."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from unit.samples import job, result

from mpirender.errors import ErrorRecord
from mpirender.messages import (
    Assign,
    Hello,
    Ready,
    TaskDone,
    TaskLost,
    ToWorker,
)
from mpirender.model import PictureFormat, Seat, Task, Tile
from mpirender.partition import Grid, Partition, Split
from mpirender.policy import SelfScheduling
from mpirender.root import Root
from mpirender.schedule import Schedule
from mpirender.views.base import Status

PPM = PictureFormat("ppm", "uint8", "RGB")
CRASH = ErrorRecord("RendererFailed", "it crashed", detail="long story")


class FakeView:
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Status] = []

    def show(self, status: Status) -> None:
        self.shown.append(status)

    def close(self) -> None:
        pass


class FakeStudio:
    """Wants nothing of any rank."""

    def add(self, position: int) -> None:
        pass

    def see(self, message: object) -> None:
        pass

    def step(self, now: float) -> None:
        pass

    def next_chore(self) -> None:
        return None

    def take_chore(self, output: Path, error: ErrorRecord | None = None) -> None:
        raise AssertionError


class Office:
    """A root, what it has sent, and what it has shown."""

    def __init__(
        self,
        output: Path,
        *,
        ranks: int = 2,
        threads: int | None = None,
        processes: int | None = None,
        retries: int = 0,
        streams: bool = False,
    ) -> None:
        self.sent: list[tuple[int, ToWorker]] = []
        self.first: dict[int, int] = {}  # rank → task that it got with the job
        self.view = FakeView()
        self.job = dataclasses.replace(job(output=output), streams=streams)
        partition = Partition(Grid(self.job.area, self.job.block), Split.ROWS)
        self.root = Root(
            [self.job],
            Schedule(partition, SelfScheduling(2), ranks=ranks, retries=retries),
            ranks=ranks,
            threads=threads,
            processes=processes,
            send=lambda rank, message: self.sent.append((rank, message)),
            view=self.view,
            studio=FakeStudio(),
        )

    def greet(self, *hosts: str, cores: int = 4) -> None:
        """Every rank says where it sits."""
        for rank, host in enumerate(hosts):
            seat = Seat(host, frozenset(range(cores)))
            self.root.handle(rank, Hello(seat), 0)
        self.first = {rank: m.task.id for rank, m in self.sent if isinstance(m, Assign)}

    def news(self) -> list[tuple[int, ToWorker]]:
        news, self.sent[:] = self.sent[:], []
        return news

    def assigned(self, *ranks: int) -> list[int]:
        """Let ranks ask, and return the tasks that they get; that they were there was the first."""
        self.news()
        tasks = []
        for rank in ranks:
            if rank in self.first:
                tasks.append(self.first.pop(rank))
            else:
                self.root.handle(rank, Ready(), 0)
                tasks += [m.task.id for _, m in self.news() if isinstance(m, Assign)]
        return tasks

    def done(self, rank: int, task: int, now: float = 0) -> None:
        """A rank sends the pixels of a task: everywhere its number plus one."""
        tile = Tile(8 * task, 8 * task + 8, 0, 16)
        pixels = np.full((8, 16, 3), task + 1, "uint8")
        message = TaskDone(result(Task(task, tile), rank=rank), PPM, pixels)
        self.root.handle(rank, message, now)

    def lost(self, rank: int, task: int, error: ErrorRecord = CRASH) -> None:
        self.root.handle(rank, TaskLost(task, 1, error), 0)
