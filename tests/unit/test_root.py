from __future__ import annotations

import dataclasses
import logging
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from unit.office import FakeStudio, FakeView, Office
from unit.samples import job, result

from mpirender.errors import ErrorRecord, IncompletePicture, RendererFailed, SceneError
from mpirender.images import read_picture
from mpirender.messages import (
    Assign,
    Begin,
    Drop,
    FrameDone,
    Hello,
    Ready,
    Stop,
    TaskDone,
    TilesDone,
    ToWorker,
    Witness,
    Working,
)
from mpirender.model import JobFrame, PictureFormat, Seat, Task, Tile
from mpirender.partition import FramePartition, Grid, Section
from mpirender.policy import SelfScheduling
from mpirender.root import Root
from mpirender.schedule import LOST_AFTER, Schedule
from mpirender.views.base import Status

ROWS = 3  # of the grid: tasks 0, 1 and 2


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path / "out.ppm")
    office.greet("a", "a")
    return office


def test_the_job_is_sent_when_every_rank_is_there(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", ranks=2)
    office.root.handle(1, Hello(Seat("a", frozenset({0}))), 0)
    assert office.sent == []
    office.root.handle(0, Hello(Seat("a", frozenset({0}))), 0)
    assert [rank for rank, message in office.sent if isinstance(message, Begin)] == [0, 1]


def test_threads_are_shared_out_on_every_host(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", ranks=3)
    office.greet("a", "b", "a")
    assert [m for _, m in office.sent if isinstance(m, Begin)] == [
        Begin((office.job,), threads=2, neighbours=2, report_every=0.5),
        Begin((office.job,), threads=4, neighbours=1, report_every=0.5),
        Begin((office.job,), threads=2, neighbours=2, report_every=0.5, place=1),
    ]


def test_ranks_that_are_tuned_away_rest(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", ranks=4, processes=2)
    office.greet("a", "a", "a", "b")
    begun = {rank: m.threads for rank, m in office.sent if isinstance(m, Begin)}
    assert begun == {0: 2, 1: 2, 2: 1, 3: 4}
    assert office.first.keys() == {0, 1, 3}


def test_threads_of_the_user_win(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", threads=7)
    office.greet("a", "a")
    assert {m.threads for _, m in office.sent if isinstance(m, Begin)} == {7}


def test_the_run_begins_without_a_rank_that_is_lost(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", ranks=2)
    office.root.handle(0, Hello(Seat("a", frozenset({0}))), 0)
    for second in range(int(LOST_AFTER) + 2):
        office.root.handle(0, Working(), second)
        office.root.step(second)
    assert office.root.lost_ranks == {1}
    assert [rank for rank, m in office.sent if isinstance(m, Begin)] == [0]


def test_every_rank_gets_a_task_with_the_job(office: Office) -> None:
    assert [(rank, m) for rank, m in office.sent if isinstance(m, Assign)] == [
        (0, Assign(Task(0, Tile(0, 8, 0, 16)), 1)),
        (1, Assign(Task(1, Tile(8, 16, 0, 16)), 1)),
    ]


def test_a_rank_that_asks_is_assigned_a_task(office: Office) -> None:
    office.news()
    office.root.handle(1, Ready(), 0)
    assert office.news() == [(1, Assign(Task(2, Tile(16, 24, 0, 16)), 1))]


def test_every_rank_is_stopped_when_all_is_done(office: Office) -> None:
    assert office.assigned(0, 1, 0) == [0, 1, 2]
    for rank, task in ((0, 0), (1, 1), (0, 2)):
        assert office.news() == []
        office.done(rank, task)
    assert office.news() == [(0, Stop()), (1, Stop())]


def test_tasks_become_the_picture(office: Office) -> None:
    office.assigned(0, 1, 0)
    for rank, task in ((0, 2), (1, 0), (0, 1)):
        office.done(rank, task)
    office.root.write_pictures()
    pixels = read_picture(office.job.output).pixels
    assert np.array_equal(pixels[:, 0, 0], np.repeat([1, 2, 3], 8))
    assert [r.task.id for r in office.root.results] == [2, 0, 1]


def test_a_late_second_result_is_not_composed(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", ranks=3)
    office.greet("a", "a", "a")
    office.assigned(1)
    for second in range(int(LOST_AFTER) + 2):  # rank 1 is silent, and taken for lost
        office.root.handle(0, Working(), second)
        office.root.handle(2, Working(), second)
        office.root.step(second)
    office.assigned(0)
    assert office.assigned(0) == [1]
    office.done(0, 1)
    office.done(1, 1)
    assert [(r.rank, r.task.id) for r in office.root.results] == [(0, 1)]


def test_a_rank_is_told_to_drop_what_another_has_done(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", ranks=2)
    office.greet("a", "a")
    office.assigned(1)
    for second in range(int(LOST_AFTER) + 2):
        office.root.handle(0, Working(), second)
        office.root.step(second)
    office.assigned(0)
    assert office.assigned(0) == [1]
    office.done(1, 1)
    assert (0, Drop(1)) in office.news()


def test_a_failure_is_told_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(tmp_path / "out.ppm", retries=1)
    office.greet("a", "b")
    office.assigned(0)
    office.lost(0, 0)
    assert caplog.messages == ["it crashed"]
    assert office.assigned(1, 1) == [1, 0]


def test_a_rank_that_gets_no_more_work_is_told_with_its_host(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.assigned(1)
    office.lost(1, 1, ErrorRecord("RendererNotFound", "no such program"))
    assert caplog.messages[-1] == "rank 1 on a gets no more work: no such program"


def test_a_picture_with_gaps_is_written_and_told(office: Office) -> None:
    office.assigned(0, 1, 0)
    office.done(0, 0)
    office.lost(1, 1)
    office.done(0, 2)
    with pytest.raises(IncompletePicture) as caught:
        office.root.write_pictures()
    assert caught.value.message.endswith("could be rendered: rows 8-15, columns 0-15")
    assert "it crashed" in caught.value.detail
    pixels = read_picture(office.job.output).pixels
    assert np.array_equal(pixels[:, 0, 0], np.repeat([1, 0, 3], 8))


def test_a_run_in_which_nothing_was_rendered_ends_with_the_last_failure(office: Office) -> None:
    office.assigned(0, 1, 0)
    for rank, task in ((0, 0), (1, 1), (0, 2)):
        office.lost(rank, task)
    assert (0, Stop()) in office.news()
    with pytest.raises(RendererFailed, match="it crashed"):
        office.root.write_pictures()
    assert not office.job.output.exists()


def test_a_fault_of_the_scene_stops_every_rank_and_is_told_once(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.assigned(0, 1)
    office.lost(0, 0, ErrorRecord("SceneError", "no such colour"))
    assert office.news() == [(0, Drop(0)), (1, Drop(1)), (0, Stop()), (1, Stop())]
    assert caplog.messages == []
    with pytest.raises(SceneError, match="no such colour"):
        office.root.write_pictures()


def test_results_of_a_run_that_has_ended_are_thrown_away(office: Office) -> None:
    office.assigned(0, 1)
    office.lost(0, 0, ErrorRecord("SceneError", "no such colour"))
    office.done(1, 1)
    assert office.root.results == []


def test_progress_counts_pixels_of_tasks_that_are_done_or_under_way(office: Office) -> None:
    office.root.step(0)
    office.assigned(0, 1)
    office.done(0, 0)
    office.root.handle(1, Working(((1, 0.5),)), 4)
    office.root.step(4)
    assert office.view.shown[-1] == Status(fraction=0.5, seconds=4, ranks=2, busy=1)


def test_progress_forgets_what_was_lost(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", retries=1)
    office.greet("a", "a")
    office.root.step(0)
    office.assigned(0)
    office.root.handle(0, Working(((0, 0.9),)), 0)
    office.lost(0, 0)
    assert office.assigned(1, 1) == [1, 0]
    office.root.step(1)
    assert office.view.shown[-1].fraction == 0


def test_time_passes_ten_times_a_second(office: Office) -> None:
    for hundredth in range(101):
        office.root.step(hundredth / 100)
    assert 9 <= len(office.view.shown) <= 11


def test_a_finished_task_is_logged_with_rank_and_host(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        office.assigned(0, 1)
        office.done(1, 1)
    expected = "task 1 (rows 8-15, columns 0-15): attempt 1, rank 1, host host-1, 1.0 s"
    assert caplog.messages == [expected]


def test_missing_pixels_of_a_picture_with_alpha_are_opaque(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.png")
    office.greet("a", "a")
    office.assigned(0, 1, 0)
    pixels = np.zeros((8, 16, 4), "uint8")
    form = PictureFormat("png", "uint8", "RGBA")
    done = TaskDone(result(Task(0, Tile(0, 8, 0, 16))), form, pixels)
    office.root.handle(0, done, 0)
    office.lost(1, 1)
    office.root.handle(0, dataclasses.replace(done, result=result(Task(2, Tile(16, 24, 0, 16)))), 0)
    with pytest.raises(IncompletePicture):
        office.root.write_pictures()
    alpha = read_picture(office.job.output).pixels[:, 0, 3]
    assert np.array_equal(alpha, np.repeat([0, 255, 0], 8))


# --------------------------------------------------------------------------- block by block


def tiles(task: int, *blocks: int) -> TilesDone:
    """Blocks of 8 x 8 pixels as the fake renderer writes them: everywhere their number plus one."""
    records = [
        block.to_bytes(4, "big") + (192).to_bytes(4, "big") + bytes([block + 1]) * 192
        for block in blocks
    ]
    return TilesDone(
        task,
        0,
        blocks,
        sizes=(200,) * len(blocks),
        header=b"tiles of the fake renderer\n",
        setup_seconds=0,
        pretrace_seconds=0,
        pixels=b"".join(records),
    )


@pytest.fixture
def stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An office whose ranks send block by block; task 0 is blocks 0 and 1, and so on."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    office = Office(tmp_path / "out.ppm", retries=0, streams=True)
    office.greet("a", "a")
    office.assigned(0, 1)
    yield office
    office.root.close()


def block_values(office: Office) -> list[int]:
    pixels = read_picture(office.job.output).pixels
    return [int(value) for value in pixels[::8, ::8, 0].ravel()]


def test_tiles_become_the_picture(stream: Office) -> None:
    stream.root.handle(1, tiles(1, 3), 1)
    stream.root.handle(0, tiles(0, 0, 1), 1)
    stream.root.handle(1, tiles(1, 2), 2)
    assert stream.assigned(0) == [2]
    stream.root.handle(0, tiles(2, 4, 5), 3)
    assert stream.news() == [(0, Stop()), (1, Stop())]
    stream.root.write_pictures()
    assert block_values(stream) == [1, 2, 3, 4, 5, 6]


def test_progress_counts_the_blocks_that_are_there(stream: Office) -> None:
    stream.root.step(0)
    stream.root.handle(0, tiles(0, 0), 1)
    stream.root.handle(0, tiles(0, 0), 1)
    stream.root.handle(0, tiles(0, 1), 1)
    stream.root.step(2)
    assert stream.view.shown[-1].fraction == pytest.approx(1 / 3)


def test_a_task_that_came_block_by_block_is_noted_with_its_result(stream: Office) -> None:
    stream.root.handle(0, tiles(0, 0, 1), 1)
    stream.root.handle(0, TaskDone(result(Task(0, Tile(0, 8, 0, 16)))), 1)
    assert [r.task.id for r in stream.root.results] == [0]
    assert (0, Stop()) not in stream.news()


def test_tiles_of_a_task_that_failed_later_are_in_the_picture(stream: Office) -> None:
    stream.root.handle(0, tiles(0, 0, 1), 1)
    stream.root.handle(1, tiles(1, 2), 1)
    stream.lost(1, 1)
    assert stream.assigned(0) == [2]
    stream.root.handle(0, tiles(2, 4, 5), 3)
    with pytest.raises(IncompletePicture) as caught:
        stream.root.write_pictures()
    assert caught.value.message.endswith("could be rendered: rows 8-15, columns 8-15")
    assert block_values(stream) == [1, 2, 3, 0, 5, 6]


def test_a_rank_that_could_not_follow_its_renderer_sends_pixels(stream: Office) -> None:
    stream.root.handle(0, tiles(0, 0, 1), 1)
    stream.done(1, 1)
    assert stream.assigned(0) == [2]
    stream.root.handle(0, tiles(2, 4, 5), 3)
    stream.root.write_pictures()
    assert block_values(stream) == [1, 2, 2, 2, 5, 6]


def test_nothing_is_left_of_the_tiles(stream: Office, tmp_path: Path) -> None:
    stream.root.handle(0, tiles(0, 0, 1), 1)
    assert list((tmp_path / "tmp").iterdir())
    stream.root.close()
    assert not list((tmp_path / "tmp").iterdir())


def test_late_blocks_of_a_frame_that_is_in_its_place_still_tell_what_their_task_cost(
    tmp_path: Path,
) -> None:
    frames = tuple(JobFrame(n, tmp_path / f"{n}.ppm") for n in (1, 2))
    work = dataclasses.replace(job(output=tmp_path / "out.ppm"), streams=True, frames=frames)
    schedule = Schedule(
        FramePartition([Section(0, Grid(work.area, work.block), (1, 2), 1)], rows=True),
        SelfScheduling(3),
        ranks=2,
        retries=0,
    )
    sent: list[ToWorker] = []
    root = Root(
        [work],
        schedule,
        ranks=2,
        threads=None,
        send=lambda rank, message: sent.append(message),
        view=FakeView(),
        studio=FakeStudio(),
    )
    for rank in (0, 1):
        root.handle(rank, Hello(Seat("a", frozenset({0}))), 0)
    first = next(m.task for m in sent if isinstance(m, Assign))
    whole = b"a whole file"
    root.handle(0, FrameDone(first.id, 0, 1.0, pixels=whole), 1)
    late = dataclasses.replace(tiles(first.id, 0), result=result(first, rank=0))
    root.handle(0, late, 2)
    assert [r.task.id for r in root.results] == [first.id]
    assert frames[0].output.read_bytes() == b"a whole file"


def last_tiles_with_a_witness_to_come(stream: Office) -> None:
    """All tasks are done at 3 s, and the last rank's renderer still writes its picture."""
    stream.root.handle(1, tiles(1, 2, 3), 1)
    stream.root.handle(0, tiles(0, 0, 1), 1)
    assert stream.assigned(0) == [2]
    stream.root.handle(0, dataclasses.replace(tiles(2, 4, 5), witness_follows=True), 3)
    assert stream.news() == []


def own_picture(task: int, values: bytes) -> Witness:
    """What a rank sends of a task: a row of such values, and the same in all other rows."""
    file = b"P6\n16 24\n255\n" + 24 * values
    return Witness(Task(task, Tile(8 * task, 8 * task + 8, 0, 16)), zlib.compress(file))


TELLING, PLAIN = bytes(range(48)), bytes(48)


def test_a_witness_that_is_about_to_come_is_waited_for(stream: Office) -> None:
    last_tiles_with_a_witness_to_come(stream)
    stream.root.handle(0, own_picture(2, TELLING), 3.1)
    assert stream.news() == [(0, Stop()), (1, Stop())]


def test_a_witness_is_not_waited_for_for_ever(stream: Office) -> None:
    last_tiles_with_a_witness_to_come(stream)
    stream.root.step(4)
    assert stream.news() == []
    stream.root.step(6)
    assert stream.news() == [(0, Stop()), (1, Stop())]


@pytest.mark.parametrize(
    ("witnesses", "is_enough"),
    [
        ([own_picture(1, TELLING)], True),
        ([own_picture(1, PLAIN), own_picture(1, TELLING)], True),
        ([own_picture(1, PLAIN)], False),
        ([own_picture(1, TELLING[:40])], False),
        ([Witness(Task(1, Tile(8, 16, 0, 16)), b"not compressed")], False),
    ],
    ids=["telling", "telling at last", "plain", "torn", "not compressed"],
)
def test_one_witness_is_enough_if_it_tells_pictures_apart(
    stream: Office, witnesses: list[Witness], is_enough: bool
) -> None:
    stream.root.handle(0, tiles(0, 0), 1)
    for witness in witnesses:
        stream.root.handle(1, witness, 1)
    stream.root.handle(1, tiles(1, 2, 3), 1)
    stream.root.handle(0, tiles(0, 1), 1)
    assert stream.assigned(0) == [2]
    stream.root.handle(0, dataclasses.replace(tiles(2, 4, 5), witness_follows=True), 3)
    assert ((0, Stop()) in stream.news()) is is_enough


def test_of_a_whole_picture_only_what_others_have_not_sent_is_taken(stream: Office) -> None:
    stream.root.handle(0, tiles(0, 1), 1)  # of blocks 0 and 1; now it sends all as a picture
    stream.done(0, 0)
    stream.done(1, 1)
    assert stream.assigned(0) == [2]
    stream.done(0, 2)
    stream.root.write_pictures()
    assert block_values(stream) == [1, 2, 2, 2, 3, 3]
