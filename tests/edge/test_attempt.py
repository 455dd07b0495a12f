"""A worker whose renderer says block by block what it has finished."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from unit.samples import job

from mpirender.errors import OutputMismatch
from mpirender.messages import (
    Assign,
    Begin,
    Drop,
    Ready,
    Shorten,
    Stop,
    TaskDone,
    TaskLost,
    TilesDone,
    ToRoot,
    Witness,
    Working,
)
from mpirender.model import Task, Tile, TileRecord
from mpirender.renderers.fake import FakeStream, pixel_row
from mpirender.worker import Worker

TASK = Task(3, Tile(8, 24, 0, 16))
BLOCKS = [2, 3, 4, 5]  # of 8 x 8 pixels, two in a row
SLOWLY = "seconds = 0.4"  # a block: time enough to say something in between


class Desk:
    """A worker and what it has said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[ToRoot] = []
        self.worker = Worker(5, "here", self.said.append)

    def begin(self, *lines: str) -> None:
        """Give the worker a job and a task: a fake scene of 16 x 24 pixels, and more lines."""
        scene = self.folder / "s.fake"
        scene.write_text("\n".join(("size = 16x24", "block = 8", "stream = yes", *lines)))
        work = job(arguments=(str(scene), "16x24"), directory=self.folder)
        jobs = (replace(work, streams=True),)
        self.worker.handle(Begin(jobs, threads=1, neighbours=1, report_every=0.5), 0)
        self.said.clear()
        self.worker.handle(Assign(TASK, 1), 0)

    def until(self, *kinds: type[ToRoot]) -> ToRoot:
        """Let the worker go on until it says something of these kinds; the clock stands still.

        The last blocks of a task say that it is done.
        """
        while True:
            for message in self.said:
                if isinstance(message, TilesDone) and message.result and TaskDone in kinds:
                    return TaskDone(message.result)
                if isinstance(message, kinds):
                    return message
            self.worker.step(0)

    def outcome(self, *lines: str) -> TaskDone | TaskLost:
        self.begin(*lines)
        message = self.until(TaskDone, TaskLost)
        assert isinstance(message, TaskDone | TaskLost)
        return message

    @property
    def tiles(self) -> list[TilesDone]:
        return [message for message in self.said if isinstance(message, TilesDone)]

    @property
    def blocks(self) -> list[int]:
        return [block for message in self.tiles for block in message.blocks]

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "tmp").glob("*/*"))


@pytest.fixture
def desk(weird_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (weird_folder / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(weird_folder / "tmp"))
    desk = Desk(weird_folder)
    yield desk
    desk.worker.close()


def test_every_block_of_a_task_is_sent_once(desk: Desk) -> None:
    desk.outcome()
    assert desk.blocks == BLOCKS


def test_blocks_are_sent_while_the_renderer_works(desk: Desk) -> None:
    desk.outcome(SLOWLY)
    assert len(desk.tiles) >= 3


def test_what_the_renderer_says_counts_as_far_as_its_blocks_bear_it_out(desk: Desk) -> None:
    desk.begin("fault = hang:3")
    assert desk.worker._engaged
    (attempt,) = desk.worker._engaged.attempts
    attempt.listen(attempt.started)
    attempt.watch.fraction = 1.0  # of a first pass
    assert attempt.fraction == 1 / len(BLOCKS)
    attempt.streamed, attempt.last_pixel = 2, 6.0
    assert attempt.fraction == 3 / len(BLOCKS)
    assert attempt.seconds_left(attempt.started + 6) >= 2  # a quarter took two seconds
    assert attempt.seconds_left(attempt.started + 7) == 7 / 3 - 1  # of which one is over


def test_a_block_is_sent_as_the_renderer_has_written_it(desk: Desk) -> None:
    desk.outcome()
    for message in desk.tiles:
        assert message.pixels is not None
        assert message.header
        assert len(message.pixels) == sum(message.sizes)
    first = desk.tiles[0].pixels
    assert first is not None
    row = pixel_row(8, 16, 8, range(8))[: 3 * 8]
    assert first[8 : 8 + 3 * 8] == row


def test_the_next_task_is_asked_for_before_a_task_is_told_to_be_done(desk: Desk) -> None:
    desk.outcome()
    (ready,) = (at for at, m in enumerate(desk.said) if isinstance(m, Ready))
    (done,) = (at for at, m in enumerate(desk.said) if isinstance(m, TilesDone) and m.result)
    assert ready < done


def test_a_task_that_came_block_by_block_has_no_pixels(desk: Desk) -> None:
    done = desk.outcome()
    assert isinstance(done, TaskDone)
    assert (done.pixels, done.format) == (None, None)
    assert (done.result.task, done.result.rank) == (TASK, 5)


def test_the_renderer_bears_witness_by_the_picture_that_it_writes(desk: Desk) -> None:
    desk.outcome()
    witness = desk.until(Witness)
    assert isinstance(witness, Witness)
    assert witness.task == TASK
    assert witness.pixels is not None
    rows = b"".join(pixel_row(row, 16, 8, range(16)) for row in range(8, 24))
    black = bytes(3 * 16 * 8)
    assert zlib.decompress(witness.pixels) == b"P6\n16 24\n255\n" + black + rows
    assert desk.files == ["task-000003.1.log"]


def test_a_task_that_is_shortened_ends_where_the_other_rank_begins(desk: Desk) -> None:
    desk.begin(SLOWLY)
    desk.until(TilesDone)
    engaged = desk.worker._engaged
    assert engaged
    process = engaged.attempts[0].process
    desk.worker.handle(Shorten(3, Tile(16, 24, 0, 16)), 0)
    desk.until(TaskDone)
    assert desk.blocks == [2, 3]
    assert process.exit is not None


def test_a_task_that_was_shortened_bears_no_witness(desk: Desk) -> None:
    desk.begin(SLOWLY)
    desk.until(TilesDone)
    desk.worker.handle(Shorten(3, Tile(16, 24, 0, 16)), 0)
    desk.until(TaskDone)
    for _ in range(50):
        desk.worker.step(0)
    assert not any(isinstance(message, Witness) for message in desk.said)
    assert desk.files == ["task-000003.1.log"]


def test_a_task_that_is_not_there_can_be_shortened(desk: Desk) -> None:
    desk.begin()
    desk.worker.handle(Shorten(99, Tile(0, 8, 0, 16)), 0)
    desk.until(TaskDone)
    assert desk.blocks == BLOCKS


def test_a_task_that_is_spared_some_blocks_is_done_without_them(desk: Desk) -> None:
    desk.begin(SLOWLY)
    desk.worker.handle(Shorten(3, Tile(8, 16, 8, 16)), 0)
    desk.worker.handle(Shorten(3, Tile(16, 24, 8, 16)), 0)
    desk.until(TaskDone)
    assert {2, 4} <= set(desk.blocks) <= {2, 3, 4}


def test_a_task_that_is_dropped_says_nothing_more(desk: Desk) -> None:
    desk.begin("seconds = 0.5")
    desk.until(TilesDone)
    desk.worker.handle(Drop(3), 0)
    asked_before = [message for message in desk.said if isinstance(message, Ready)]
    desk.said.clear()
    for _ in range(50):
        desk.worker.step(0)
    after = [message for message in desk.said if not isinstance(message, Working)]
    assert [*asked_before, *after] == [Ready()]
    assert desk.files == ["task-000003.1.log"]


def test_a_worker_that_is_stopped_leaves_nothing(desk: Desk) -> None:
    desk.begin(SLOWLY)
    desk.until(TilesDone)
    desk.worker.handle(Stop(), 0)
    assert desk.files == []


# ----------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("fault", "sent", "kind", "told"),
    [
        ("exit", [2, 3], "RendererFailed", "fake ended with exit status 1"),
        ("signal", [2, 3], "RendererFailed", "fake ended with signal SIGKILL"),
        ("lie", [3, 4, 5], "RendererFailed", "fake said 80% of its pixels, expected all"),
        ("missing", [3, 4, 5], "RendererFailed", "ended with exit status 0, but 1 block of"),
    ],
)
def test_a_fault_is_told_and_what_was_finished_before_is_sent(
    desk: Desk, fault: str, sent: list[int], kind: str, told: str
) -> None:
    lost = desk.outcome(f"fault = {fault}:3")
    assert isinstance(lost, TaskLost)
    assert lost.error.kind == kind
    assert told in lost.error.message
    assert desk.blocks == sent
    assert desk.files == ["task-000003.1.log"]


@pytest.mark.parametrize("fault", ["empty", "torn", "size"])
def test_a_broken_picture_does_not_matter_where_all_blocks_are_there(
    desk: Desk, fault: str
) -> None:
    assert isinstance(desk.outcome(f"fault = {fault}:3"), TaskDone)
    for _ in range(50):
        desk.worker.step(0)
    assert not any(isinstance(message, TaskLost) for message in desk.said)


def reading(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[list[TileRecord]], list[TileRecord]]
) -> None:
    """Let what is read from the stream go through a function first."""
    real = FakeStream.read
    monkeypatch.setattr(FakeStream, "read", lambda self, *, ended: change(real(self)))


def unknown(records: list[TileRecord]) -> list[TileRecord]:
    raise OutputMismatch("what is this")


def test_a_stream_that_begins_in_an_unknown_way_is_left_for_the_picture(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading(monkeypatch, unknown)
    done = desk.outcome()
    assert isinstance(done, TaskDone)
    assert done.pixels is not None
    assert done.pixels.shape == (16, 16, 3)
    assert desk.blocks == []


def test_a_stream_that_goes_on_in_an_unknown_way_is_a_failure(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[TileRecord] = []

    def torn(records: list[TileRecord]) -> list[TileRecord]:
        if known:
            raise OutputMismatch("what is this")
        known.extend(records)
        return records

    reading(monkeypatch, torn)
    lost = desk.outcome(SLOWLY)
    assert isinstance(lost, TaskLost)
    assert lost.error.kind == "OutputMismatch"
    assert re.search(r"attempt 1, rank 5 on here: what is this", lost.error.message)
    assert desk.blocks == [record.block for record in known]


def test_a_renderer_that_cannot_be_started_leaves_no_stream(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpirender.renderers.fake.renderer.sys.executable", "no-such-program")
    lost = desk.outcome()
    assert isinstance(lost, TaskLost)
    assert lost.error.condemns_rank
    assert desk.files == []


def test_the_last_blocks_say_that_a_witness_follows(desk: Desk) -> None:
    desk.outcome()
    assert [message.witness_follows for message in desk.tiles][-1]
    assert isinstance(desk.until(Witness), Witness)
