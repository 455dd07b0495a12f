"""A worker with a renderer in reserve for the next task, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from unit.samples import job

from mpirender.errors import SetupError
from mpirender.messages import Assign, Begin, Stop, TaskDone, TaskLost, TilesDone, ToRoot
from mpirender.model import Job, Task, Tile
from mpirender.process import Process
from mpirender.renderers.base import TileStream
from mpirender.renderers.fake import Fake
from mpirender.worker import Worker

FIRST, SECOND = Task(3, Tile(0, 8, 0, 16)), Task(4, Tile(8, 24, 0, 16))


class Spare(Process):
    """One that is started with its task after all, and remembers what became of it."""

    def __init__(self, work: Job) -> None:
        self.work = work
        self.task: Task | None = None
        self.can = True
        self.is_killed = False

    def take_up(self, task: Task, stream: TileStream, output: Path, log: Path) -> bool:
        if not self.can:
            return False
        command = Fake().command(self.work, task, attempt=1, threads=1, scratch=output.parent)
        assert command.output == output
        super().__init__(command.argv, directory=self.work.directory, environment={}, log=log)
        self.task = task
        return True

    def kill(self) -> None:
        self.is_killed = True
        if self.task:
            super().kill()


class Desk:
    """A worker, and the spares that it has been given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[ToRoot] = []
        self.spares: list[Spare] = []
        self.worker = Worker(5, "here", self.said.append)

    def begin(self) -> None:
        scene = self.folder / "s.fake"
        scene.write_text("size = 16x24\nblock = 8\nstream = yes\nseconds = 0.05")
        work = job(arguments=(str(scene), "16x24"), directory=self.folder)
        jobs = (replace(work, streams=True, spares=True),)
        self.worker.handle(Begin(jobs, threads=1, neighbours=1, report_every=0.5), 0)

    def render(self, task: Task) -> TilesDone:
        """The last blocks of a task."""
        self.said.clear()
        self.worker.handle(Assign(task, 1), 0)
        while True:
            self.worker.step(0)
            assert not any(isinstance(message, TaskLost | TaskDone) for message in self.said)
            for message in self.said:
                if isinstance(message, TilesDone) and message.result:
                    return message


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    desk = Desk(tmp_path)

    def spare(self: Fake, work: Job, *, threads: int) -> Spare:
        desk.spares.append(Spare(work))
        return desk.spares[-1]

    monkeypatch.setattr(Fake, "spare", spare)
    yield desk
    desk.worker.close()


def test_a_spare_is_there_before_the_first_task(desk: Desk) -> None:
    desk.begin()
    (spare,) = desk.spares
    assert spare.task is None


def test_each_task_is_a_spares_and_the_next_one_is_there_in_time(desk: Desk) -> None:
    desk.begin()
    for number, task in enumerate((FIRST, SECOND)):
        done = desk.render(task)
        assert done.result and done.result.task == task
        assert [spare.task for spare in desk.spares] == [*(FIRST, SECOND)[: number + 1], None]


def test_a_spare_that_cannot_is_ended_and_the_task_rendered_all_the_same(desk: Desk) -> None:
    desk.begin()
    desk.spares[0].can = False
    desk.render(FIRST)
    assert desk.spares[0].is_killed
    assert len(desk.spares) == 1  # another one could not either


def test_no_spare_outlives_the_run(desk: Desk) -> None:
    desk.begin()
    desk.render(FIRST)
    desk.worker.handle(Stop(), 0)
    assert len(desk.spares) == 2
    assert all(spare.is_killed for spare in desk.spares)


def test_where_none_can_be_started_tasks_are_rendered_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spare(self: Fake, work: Job, *, threads: int) -> Spare:
        raise SetupError("no room")

    monkeypatch.setattr(Fake, "spare", spare)
    desk.begin()
    done = desk.render(FIRST)
    assert done.result and done.result.task == FIRST
