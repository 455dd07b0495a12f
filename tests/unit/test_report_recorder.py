from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from unit.samples import job, result, tile

from mpirender.errors import ErrorRecord
from mpirender.messages import (
    Assign,
    Begin,
    Drop,
    FrameDone,
    Hello,
    Ready,
    TaskDone,
    TaskLost,
    TilesDone,
)
from mpirender.model import Machine, PictureFormat, Seat, Task
from mpirender.partition import Grid
from mpirender.report.recorder import COMPOSE, MEET, SHARE, START, Recorder
from mpirender.report.records import (
    COMPLETED,
    DROPPED,
    FAILED,
    PieceRecord,
    RunRecord,
    WorkRecord,
)

TASK = Task(3, tile())
RESULT = dataclasses.replace(
    result(TASK, rank=1, seconds=8.0), first_word=1.0, first_pixel=3.0, last_pixel=7.0
)
LOST = TaskLost(3, 1, ErrorRecord("RendererFailed", "it crashed"))


class Door:
    """A recorder, and a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.recorder = Recorder(lambda: self.now, age=5.0)

    def at(self, now: float) -> Recorder:
        """The recorder, so many seconds after the run began."""
        self.now = 995.0 + now
        return self.recorder

    def run(self) -> RunRecord:
        return self.recorder.run("ss", 100)


@pytest.fixture
def door() -> Door:
    return Door()


def test_phases_follow_each_other_from_the_beginning_of_the_process(door: Door) -> None:
    door.at(6).end_phase(START)
    door.at(9).end_phase(SHARE)
    door.at(10).end_phase(COMPOSE)
    phases = [(phase.name, phase.began, phase.ended) for phase in door.run().phases]
    assert phases == [(START, 0, 6), (SHARE, 6, 9), (COMPOSE, 9, 10)]


def test_the_first_task_is_preceded_by_the_phase_in_which_ranks_meet(door: Door) -> None:
    begin = Begin((job(),), threads=3, neighbours=1, report_every=1.0)
    door.at(6).sent(0, begin)
    door.at(7).sent(1, begin)
    assert [(phase.name, phase.ended) for phase in door.run().phases] == [(MEET, 6)]


def test_a_rank_is_recorded_with_its_seat_machine_and_threads(door: Door) -> None:
    hello = Hello(Seat("far", frozenset({5, 2})), Machine("a chip", 1 << 30))
    door.at(6).arrived(1, hello)
    door.at(7).sent(1, Begin((job(),), threads=3, neighbours=1, report_every=1.0))
    (rank,) = door.run().ranks
    assert dataclasses.astuple(rank) == (1, "far", "a chip", (2, 5), 1 << 30, 3, 6.0)


def test_what_is_left_between_task_and_result_lies_on_both_ways_alike(door: Door) -> None:
    door.at(10).sent(1, Assign(TASK, 1))
    door.at(20).arrived(1, TaskDone(RESULT))
    (attempt,) = door.run().attempts
    assert (attempt.assigned, attempt.started, attempt.ended, attempt.arrived) == (10, 11, 19, 20)
    assert (attempt.first_word, attempt.first_pixel, attempt.last_pixel) == (12, 14, 18)
    assert (attempt.outcome, attempt.rank, attempt.pixels) == (COMPLETED, 1, TASK.tile.pixels)


def test_parsing_and_tracing_are_laid_back_from_the_last_pixel(door: Door) -> None:
    late = dataclasses.replace(RESULT, first_word=0.5, first_pixel=7.0)  # all seen at one look
    door.at(10).sent(1, Assign(TASK, 1))
    door.at(18).arrived(1, TaskDone(late))
    (attempt,) = door.run().attempts
    assert attempt.last_pixel - attempt.began_pixels == RESULT.render_seconds
    assert attempt.began_pixels - attempt.began_setup == RESULT.setup_seconds


def test_a_renderer_that_says_nothing_of_its_times_parses_until_its_first_pixel(
    door: Door,
) -> None:
    silent = dataclasses.replace(RESULT, setup_seconds=0.0, render_seconds=0.0)
    door.at(10).sent(1, Assign(TASK, 1))
    door.at(18).arrived(1, TaskDone(silent))
    (attempt,) = door.run().attempts
    assert (attempt.began_setup, attempt.began_pixels) == (11, 13)


def test_a_clock_that_runs_faster_elsewhere_puts_nothing_before_its_cause(door: Door) -> None:
    door.at(10).sent(1, Assign(TASK, 1))
    door.at(14).arrived(1, TaskDone(RESULT))  # 8 s of work within 4 s
    (attempt,) = door.run().attempts
    moments = (
        *(attempt.assigned, attempt.started, attempt.first_word, attempt.first_pixel),
        *(attempt.last_pixel, attempt.ended, attempt.arrived),
    )
    assert list(moments) == sorted(moments)
    assert attempt.first_word <= attempt.began_setup <= attempt.began_pixels <= attempt.first_pixel
    assert (attempt.started, attempt.arrived) == (10, 14)


def test_what_was_never_seen_happens_with_what_was_before(door: Door) -> None:
    unseen = dataclasses.replace(RESULT, first_word=0.0, first_pixel=0.0, last_pixel=0.0)
    door.at(10).sent(1, Assign(TASK, 1))
    door.at(18).arrived(1, TaskDone(unseen))
    (attempt,) = door.run().attempts
    assert {attempt.first_word, attempt.first_pixel, attempt.last_pixel} == {attempt.started}


def test_a_result_that_comes_with_the_last_blocks_counts(door: Door) -> None:
    door.at(10).sent(1, Assign(TASK, 1))
    tiles = TilesDone(3, 0, (0,), (1,), b"", setup_seconds=0.0, pretrace_seconds=0.0)
    door.at(15).arrived(1, tiles)
    assert door.run().attempts == ()
    door.at(20).arrived(1, dataclasses.replace(tiles, result=RESULT))
    assert [attempt.arrived for attempt in door.run().attempts] == [20]


def test_blocks_cost_the_time_since_those_before_them(door: Door) -> None:
    door.at(10).sent(1, Assign(TASK, 1))
    for now, blocks in ((14, (5, 6)), (17, (7,))):
        door.at(now).arrived(1, TilesDone(3, 0, blocks, (1,), b"", 1.5, 0.5))
    assert door.run().pieces == (PieceRecord(0, (5, 6), 2.0), PieceRecord(0, (7,), 3.0))


def test_whole_frames_and_pictures_tell_what_they_have_cost(door: Door) -> None:
    work = job()
    door.at(5).sent(1, Begin((work,), threads=1, neighbours=1, report_every=1.0))
    door.at(10).sent(1, Assign(TASK, 1))
    door.at(12).arrived(1, FrameDone(3, 4, 2.5))
    picture = PictureFormat("ppm", "uint8", "RGB")
    door.at(20).arrived(1, TaskDone(RESULT, picture, np.zeros((8, 16, 3), "uint8")))
    run = door.run()
    blocks = tuple(Grid(work.area, work.block).blocks_of(TASK.tile))
    assert run.pieces == (PieceRecord(4, (), 2.5), PieceRecord(0, blocks, 4.0))
    assert run.work == WorkRecord(3, 2, 0, streams=False)


@pytest.mark.parametrize("outcome", [FAILED, DROPPED])
def test_an_attempt_that_came_to_nothing_is_recorded_once(door: Door, outcome: str) -> None:
    door.at(10).sent(1, Assign(TASK, 2))
    if outcome == FAILED:
        door.at(12).arrived(1, LOST)
    else:
        door.at(12).sent(1, Drop(3))
    door.at(13).arrived(1, TaskDone(RESULT))
    (attempt,) = door.run().attempts
    assert (attempt.outcome, attempt.attempt, attempt.assigned) == (outcome, 2, 10)
    assert (attempt.ended, attempt.arrived) == (12, 12)


def test_of_a_dropped_attempt_it_is_known_when_it_last_sent_blocks(door: Door) -> None:
    door.at(10).sent(1, Assign(TASK, 1))
    door.at(14).arrived(1, TilesDone(3, 0, (0,), (1,), b"", 0.0, 0.0))
    door.at(20).sent(1, Drop(3))
    (attempt,) = door.run().attempts
    assert (attempt.assigned, attempt.last_pixel, attempt.ended) == (10, 14, 20)


def test_a_task_is_told_from_the_same_task_on_another_rank(door: Door) -> None:
    door.at(10).sent(0, Assign(TASK, 1))
    door.at(11).sent(1, Assign(TASK, 2))
    door.at(12).arrived(0, LOST)
    door.at(20).arrived(1, TaskDone(RESULT))
    outcomes = [
        (attempt.rank, attempt.assigned, attempt.outcome) for attempt in door.run().attempts
    ]
    assert outcomes == [(0, 10, FAILED), (1, 11, COMPLETED)]


def test_other_messages_leave_no_trace(door: Door) -> None:
    door.at(6).arrived(1, Ready())
    door.at(7).sent(1, Drop(9))
    assert door.run() == RunRecord("ss", 100, (), (), ())
