from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from unit.samples import job

from mpirender.hosts import this_machine
from mpirender.messages import (
    Assign,
    Begin,
    Drop,
    FrameDone,
    Hello,
    Join,
    Ready,
    Stop,
    TaskDone,
    TaskLost,
    TilesDone,
    ToRoot,
    Working,
)
from mpirender.model import Limits, Task, Tile
from mpirender.process import STALLED_AFTER, Process
from mpirender.worker import Worker

TASK = Task(3, Tile(8, 16, 0, 16))


class Desk:
    """A worker, what it has said, and a clock that the test turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[ToRoot] = []
        self.now = 0.0
        self.worker = Worker(5, "here", self.said.append)

    def begin(
        self,
        *lines: str,
        limits: Limits = Limits(),  # noqa: B008
        version: str = "1.0",
        size: str = "16x24",
        keep: bool = False,
    ) -> None:
        """Give the worker a job: a fake scene of 16 x 24 pixels, and more lines of it."""
        scene = self.folder / "s.fake"
        scene.write_text("\n".join(("size = 16x24", *lines)))
        work = job(
            arguments=(str(scene), size),
            directory=self.folder,
            limits=limits,
            version=version,
            keep=keep,
        )
        work = replace(work, streams="stream = yes" in lines)
        self.worker.handle(Begin((work,), threads=2, neighbours=1, report_every=0.5), self.now)

    def assign(self, task: Task = TASK, attempt: int = 1) -> None:
        self.said.clear()
        self.worker.handle(Assign(task, attempt), self.now)

    def until(self, kind: type[ToRoot]) -> None:
        """Let the worker go on until it says something of a kind; the clock stands still."""
        while not any(isinstance(message, kind) for message in self.said):
            self.worker.step(self.now)

    def until_running(self) -> None:
        """Let the worker go on until its renderer has said its version."""
        engaged = self.worker._engaged
        assert engaged
        while not engaged.attempts[0].watch.version:
            self.worker.step(self.now)

    def render(self, *lines: str, attempt: int = 1) -> TaskDone | TaskLost:
        """The outcome of one task of a scene with such lines."""
        self.begin(*lines)
        self.assign(attempt=attempt)
        while True:
            self.worker.step(self.now)
            for message in self.said:
                if isinstance(message, TaskDone | TaskLost):
                    return message

    def heard(self, kind: type[ToRoot]) -> list[ToRoot]:
        return [message for message in self.said if isinstance(message, kind)]

    def scratch_files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "tmp").glob("*/*"))


@pytest.fixture
def desk(weird_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (weird_folder / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(weird_folder / "tmp"))
    desk = Desk(weird_folder)
    yield desk
    desk.worker.close()


def test_a_worker_says_where_it_sits(desk: Desk) -> None:
    desk.worker.greet()
    (hello,) = desk.said
    assert isinstance(hello, Hello)
    assert (hello.seat.host, hello.seat.cores) == ("here", frozenset(os.sched_getaffinity(0)))


def test_a_worker_says_on_what_machine_it_is(desk: Desk) -> None:
    desk.worker.greet()
    (hello,) = desk.said
    assert isinstance(hello, Hello)
    assert hello.machine == this_machine()


def test_a_worker_leaves_for_a_run_that_it_is_called_to(desk: Desk) -> None:
    desk.worker.handle(Join(5), 0)  # ranks 0 to 4
    assert (desk.worker.is_finished, desk.worker.joins) == (False, 0)
    desk.worker.handle(Join(6), 0)
    assert (desk.worker.is_finished, desk.worker.joins) == (True, 6)


def test_a_result_tells_when_the_renderer_spoke_and_finished_pixels(desk: Desk) -> None:
    desk.begin("setup = 0.5", "seconds = 1")
    desk.assign()
    while not desk.heard(TaskDone):
        desk.now += 0.01  # a look
        desk.worker.step(desk.now)
    (done,) = desk.heard(TaskDone)
    assert isinstance(done, TaskDone)
    result = done.result
    assert 0 < result.first_word < result.first_pixel < result.last_pixel <= result.seconds


def test_a_worker_without_a_job_does_nothing(desk: Desk) -> None:
    assert not desk.worker.step(99)
    assert desk.said == []


def test_a_worker_does_not_ask_for_its_first_task(desk: Desk) -> None:
    desk.begin()
    desk.worker.step(desk.now)
    assert desk.heard(Ready) == []  # that it was there said so


def test_a_worker_asks_once(desk: Desk) -> None:
    desk.render()
    for _ in range(5):
        desk.worker.step(desk.now)
    assert desk.heard(Ready) == [Ready()]


def test_a_result_is_the_tasks_pixels_only(desk: Desk) -> None:
    done = desk.render()
    assert isinstance(done, TaskDone)
    assert done.pixels is not None
    assert done.pixels.shape == (8, 16, 3)
    assert np.array_equal(done.pixels[:, 0, 0], range(9, 17))
    assert np.array_equal(done.pixels[0, :, 1], range(1, 17))
    assert done.format is not None
    assert done.format.layout == ("ppm", "uint8", "RGB")


def test_a_result_tells_who_did_it_and_what_it_cost(desk: Desk) -> None:
    done = desk.render(attempt=2)
    assert isinstance(done, TaskDone)
    result = done.result
    assert (result.task, result.attempt, result.rank, result.host) == (TASK, 2, 5, "here")
    assert result.cpu_seconds > 0
    assert result.peak_memory > 1 << 20


def test_the_next_task_is_asked_for_before_the_pixels_are_sent(desk: Desk) -> None:
    desk.render()
    kinds = [type(message) for message in desk.said if not isinstance(message, Working)]
    assert kinds == [Ready, TaskDone]


def test_what_was_sent_is_swept_away(desk: Desk) -> None:
    desk.render()
    assert desk.scratch_files() == ["task-000003.1.log"]


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        ("exit", "RendererFailed", "fake ended with exit status 1"),
        ("signal", "RendererFailed", "fake ended with signal SIGKILL"),
        ("lie", "RendererFailed", "fake said 80% of its pixels, expected all"),
        ("missing", "OutputMissing", "no picture file"),
        ("empty", "OutputMissing", "is empty"),
        ("torn", "OutputMismatch", "cannot use"),
        ("size", "OutputMismatch", "is 16x25, expected 16x24"),
    ],
)
def test_a_fault_is_told_with_task_rank_host_command_and_log(
    desk: Desk, fault: str, kind: str, told: str
) -> None:
    lost = desk.render(f"fault = {fault}:3")
    assert isinstance(lost, TaskLost)
    where = "task 3 (rows 8-15, columns 0-15), attempt 1, rank 5 on here: "
    assert lost.error.kind == kind
    assert lost.error.message.startswith(where)
    assert told in lost.error.message
    assert "command: " in lost.error.detail
    assert "task-000003.1.log" in lost.error.detail


@pytest.mark.parametrize(
    ("fault", "kind"), [("scene", "SceneError"), ("version", "VersionMismatch")]
)
def test_a_fault_that_would_come_everywhere_is_told_without_a_place(
    desk: Desk, fault: str, kind: str
) -> None:
    lost = desk.render(f"fault = {fault}:3")
    assert isinstance(lost, TaskLost)
    assert (lost.error.kind, lost.error.is_fatal) == (kind, True)
    assert not lost.error.message.startswith("task")


def test_a_worker_asks_again_after_a_failure(desk: Desk) -> None:
    desk.render("fault = exit:3")
    desk.until(Ready)
    desk.assign(attempt=2)
    assert desk.worker._engaged
    assert len(desk.worker._engaged.attempts) == 1


def test_a_task_over_its_time_limit_is_killed(desk: Desk) -> None:
    desk.begin("fault = hang:3", limits=Limits(timeout=5))
    desk.assign()
    desk.until_running()
    desk.now = 4.9
    desk.worker.step(desk.now)
    assert desk.heard(TaskLost) == []
    desk.now = 5.1
    desk.worker.step(desk.now)
    (lost,) = desk.heard(TaskLost)
    assert isinstance(lost, TaskLost)
    assert lost.error.kind == "RendererTimeout"
    assert "over the time limit of 5.0 s" in lost.error.message
    assert desk.heard(Ready) == [Ready()]


def test_a_renderer_that_does_nothing_for_long_counts_as_hung(desk: Desk) -> None:
    desk.begin("fault = hang:3")
    desk.assign()
    desk.until_running()
    for now in (
        0.5 * STALLED_AFTER,
        2 * STALLED_AFTER,
        4 * STALLED_AFTER,
        6 * STALLED_AFTER,
    ):  # it may use a little
        desk.worker.step(now)
    (lost,) = desk.heard(TaskLost)
    assert isinstance(lost, TaskLost)
    assert "hung: no word and no processor time for 10:00 min" in lost.error.message


def test_a_dropped_task_is_killed_and_forgotten(desk: Desk) -> None:
    desk.begin("fault = hang:3")
    desk.assign()
    desk.until_running()
    assert desk.worker._engaged
    process = desk.worker._engaged.attempts[0].process
    desk.worker.handle(Drop(3), desk.now)
    assert process.exit is not None
    desk.worker.step(desk.now)
    assert desk.heard(TaskLost) == []
    assert desk.heard(Ready) == [Ready()]


def test_a_task_that_was_not_there_can_be_dropped(desk: Desk) -> None:
    desk.begin()
    desk.worker.handle(Drop(9), desk.now)


def test_stop_ends_the_renderer_and_leaves_nothing(desk: Desk) -> None:
    desk.begin("fault = hang:3")
    desk.assign()
    desk.until_running()
    assert desk.worker._engaged
    process = desk.worker._engaged.attempts[0].process
    desk.worker.handle(Stop(), desk.now)
    assert desk.worker.is_finished
    assert process.exit is not None
    assert list((desk.folder / "tmp").iterdir()) == []


def test_a_worker_that_is_stopped_before_it_has_a_job_ends(desk: Desk) -> None:
    desk.worker.handle(Stop(), 0)
    assert desk.worker.is_finished


def test_logs_of_failures_stay(desk: Desk) -> None:
    desk.render("fault = exit:3")
    desk.worker.handle(Stop(), desk.now)
    assert desk.scratch_files() == ["task-000003.1.log"]


def test_everything_stays_where_the_user_keeps_it(desk: Desk) -> None:
    desk.begin(keep=True)
    desk.assign()
    desk.until(TaskDone)
    desk.worker.handle(Stop(), desk.now)
    assert desk.scratch_files() == ["task-000003.1.log", "task-000003.1.ppm"]


def test_an_idle_worker_shows_that_it_lives(desk: Desk) -> None:
    desk.begin()
    said = []
    for tenth in range(101):
        desk.worker.step(tenth / 10)
        said.append(len(desk.heard(Working)))
    assert 4 <= said[-1] <= 6
    assert set(desk.heard(Working)) == {Working(())}


def test_a_busy_worker_says_how_far_it_is(desk: Desk) -> None:
    desk.begin("fault = hang:3")
    desk.assign()
    desk.until_running()
    desk.said.clear()
    desk.worker.step(100)
    assert desk.said == [Working(((3, 0.0),))]


def test_a_renderer_of_another_version_is_killed_at_once(desk: Desk) -> None:
    desk.begin("fault = hang:3", version="2.0")
    desk.assign()
    desk.until(TaskLost)
    (lost,) = desk.heard(TaskLost)
    assert isinstance(lost, TaskLost)
    expected = "fake on here is version 1.0, on rank 0's host 2.0"
    assert (lost.error.kind, lost.error.message) == ("VersionMismatch", expected)


@pytest.mark.parametrize(
    ("version", "size", "told"),
    [
        ("2.0", "16x24", "fake on here is version 1.0, on rank 0's host 2.0"),
        ("1.0", "15x24", "fake renders a picture of 15x24, expected 16x24"),
    ],
    ids=["version", "size"],
)
def test_nothing_counts_of_what_another_renderer_has_done_however_fast(
    desk: Desk, version: str, size: str, told: str
) -> None:
    desk.begin("block = 8", "stream = yes", version=version, size=size)
    desk.assign(Task(3, Tile(8, 16, 0, 8)))  # of both pictures
    assert desk.worker._engaged
    (attempt,) = desk.worker._engaged.attempts
    assert isinstance(attempt.process, Process)
    os.waitid(os.P_PID, attempt.process.pid, os.WEXITED | os.WNOWAIT)  # before the first look
    desk.worker.step(desk.now)
    assert desk.heard(TilesDone) == desk.heard(TaskDone) == []
    (lost,) = desk.heard(TaskLost)
    assert isinstance(lost, TaskLost)
    assert told in lost.error.message


def test_no_frame_counts_that_another_version_has_written(desk: Desk) -> None:
    desk.begin(version="2.0")
    desk.assign(Task(3, Tile(0, 24, 0, 16), numbers=(1,)))
    assert desk.worker._engaged
    (attempt,) = desk.worker._engaged.attempts
    assert isinstance(attempt.process, Process)
    os.waitid(os.P_PID, attempt.process.pid, os.WEXITED | os.WNOWAIT)  # before the first look
    assert all(path.exists() for path in attempt.pictures.values())
    desk.worker.step(desk.now)
    assert list(attempt.pictures) == [0]  # none has been taken from it
    assert desk.heard(FrameDone) == desk.heard(TaskDone) == []
    (lost,) = desk.heard(TaskLost)
    assert isinstance(lost, TaskLost)
    assert lost.error.kind == "VersionMismatch"


def test_a_renderer_that_is_not_there_is_told_and_the_worker_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.begin()
    monkeypatch.setattr("mpirender.renderers.fake.renderer.sys.executable", "no-such-program")
    desk.assign()
    (lost, ready) = desk.said
    assert isinstance(lost, TaskLost)
    assert lost.error.condemns_rank
    assert ready == Ready()


@pytest.mark.parametrize("lines", [("stream = yes",), ()], ids=["blocks", "picture"])
def test_a_scratch_folder_that_is_gone_is_told_and_the_worker_goes_on(
    desk: Desk, lines: tuple[str, ...]
) -> None:
    desk.begin(*lines)
    (folder,) = (desk.folder / "tmp").iterdir()
    folder.rmdir()
    desk.assign()
    (lost, ready) = desk.said
    assert isinstance(lost, TaskLost)
    assert (lost.error.kind, lost.error.is_fatal) == ("SetupError", False)
    assert f"cannot work in {folder}: No such file" in lost.error.message
    assert "TMPDIR" in lost.error.hint
    assert ready == Ready()


def test_a_child_sees_its_threads_but_not_the_launcher(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMI_RANK", "5")
    seen: dict[str, str] = {}
    real: Callable[..., object] = __import__("subprocess").Popen

    def spy(*arguments: object, **named: object) -> object:
        environment = named["env"]
        assert isinstance(environment, dict)
        seen.update(environment)
        return real(*arguments, **named)

    monkeypatch.setattr("mpirender.process.subprocess.Popen", spy)
    desk.begin()
    desk.assign()
    assert seen["OMP_NUM_THREADS"] == "2"
    assert "PMI_RANK" not in seen
