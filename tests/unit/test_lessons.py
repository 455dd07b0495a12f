"""What a run teaches of the speed of its ranks, and of tasks that tell how far they are."""

from __future__ import annotations

import pytest
from unit.samples import result

from mpirender.events import TilesCompleted
from mpirender.model import Task, Tile
from mpirender.schedule.costs import CostMap
from mpirender.schedule.entry import Entry, Pace
from mpirender.schedule.lessons import Lessons, unfinished


def nothing_learned() -> Lessons:
    return Lessons(CostMap(40, 10))


def part(rank: int, other: int, *, expected: float, took: float, units: int = 40) -> Entry:
    """A part of another rank's task, finished."""
    task = Task(0, Tile(0, units, 0, 1))
    return Entry(
        task, rank=rank, relieves=other, expected=expected, units=units, pace=Pace(0.0, took)
    )


def compared(*parts: Entry) -> Lessons:
    lessons = nothing_learned()
    for each in parts:
        lessons.compare(each)
    return lessons


def test_all_ranks_are_equal_at_first() -> None:
    assert nothing_learned().rating(3) == nothing_learned().rating(7)


def test_a_rank_that_does_its_part_faster_than_expected_is_the_faster_one() -> None:
    lessons = compared(part(0, 1, expected=3.0, took=1.0))
    ratio = lessons.rating(0) / lessons.rating(1)
    assert ratio == pytest.approx(3.0 ** (40 / 44))


def test_what_was_expected_teaches_nothing_more() -> None:
    lessons = compared(part(0, 1, expected=2.0, took=2.0))
    assert lessons.rating(0) == lessons.rating(1)


def test_a_single_block_says_little() -> None:
    few, many = (compared(part(0, 1, expected=2.0, took=1.0, units=n)) for n in (1, 100))
    assert 1 < few.rating(0) < many.rating(0)


def test_a_great_surprise_says_that_the_part_was_another_thing() -> None:
    lessons = compared(part(0, 1, expected=40.0, took=1.0), part(0, 1, expected=1.0, took=40.0))
    assert lessons.rating(0) == lessons.rating(1)


def told() -> Entry:
    """Of 20 blocks, begun at 10 s, a quarter was done at 15 s."""
    entry = Entry(Task(0, Tile(0, 20, 0, 1)), rank=0, sent=10.0, units=20, left=set(range(20)))
    entry.fraction, entry.told = 0.25, 15.0
    return entry


@pytest.mark.parametrize(("now", "left"), [(15.0, 15.0), (20.0, 10.0), (29.5, 1.0), (90.0, 1.0)])
def test_a_task_goes_on_after_it_has_told_how_far_it_is(now: float, left: float) -> None:
    assert nothing_learned().outlook(told(), now)[0] == left


def test_what_is_finished_by_now_is_not_there_to_be_taken() -> None:
    assert unfinished(told(), range(20), 15.0) == list(range(5, 20))
    assert unfinished(told(), range(20), 20.0) == list(range(10, 20))


def foretold() -> Entry:
    """A frame of 10 rows, begun at 0 s, which should take 10 s; nothing has been heard of it."""
    task = Task(0, Tile(0, 10, 0, 1), numbers=(1,))
    return Entry(task, rank=0, units=10, left=set(range(10)), expected=1.0)


@pytest.mark.parametrize(("now", "left"), [(0.0, 10.0), (6.0, 4.0), (9.0, 2.25), (20.0, 5.0)])
def test_a_task_of_which_nothing_is_heard_goes_on_as_foretold(now: float, left: float) -> None:
    assert nothing_learned().outlook(foretold(), now)[0] == left


def test_of_a_task_that_is_overdue_a_fifth_is_there_to_be_taken() -> None:
    assert unfinished(foretold(), range(10), 5.0) == [5, 6, 7, 8, 9]
    assert unfinished(foretold(), range(10), 30.0) == [8, 9]


def test_a_task_is_foretold_by_the_last_ones_and_the_speed_of_its_rank() -> None:
    lessons = nothing_learned()
    assert lessons.foretell(1, 0) == 0
    task = Task(0, Tile(0, 10, 0, 1), numbers=(1,))
    for rank, seconds in ((0, 8.0), (1, 16.0)) * 40:
        lessons.learn(result(task, rank=rank, seconds=seconds), 1)
    assert lessons.foretell(1, 1) == pytest.approx(2 * lessons.foretell(1, 0))
    assert lessons.foretell(3, 0) == pytest.approx(3 * (2 + 4), rel=0.01)


def test_the_start_of_a_whole_frame_is_not_told_of_with_its_rows() -> None:
    lessons, entry = nothing_learned(), foretold()
    entry.pace = Pace(0.0)
    lessons.note(TilesCompleted(0, 0, tuple(range(10))), entry, 10.0)
    assert lessons.begun == 0


# ------------------------------------------------------------------------- blocks one by one


def a_row_and_a_half() -> tuple[Lessons, Entry]:
    """Three rows of 10 blocks, of which 16 are done by 60 s; the one in column 7 took 41 s."""
    lessons = nothing_learned()
    entry = Entry(Task(0, Tile(0, 3, 0, 10)), rank=0, units=30, left=set(range(30)), pace=Pace(0.0))
    now = 0.0
    for block in range(16):
        now += 41.0 if block == 7 else 1.0
        lessons.note(TilesCompleted(0, 0, (block,)), entry, now)
        entry.left.discard(block)
    return lessons, entry


def test_what_is_left_of_a_task_is_known_block_by_block() -> None:
    lessons, entry = a_row_and_a_half()
    times = lessons.times_of(range(16, 30), entry, 99.0, 56.5)
    dear, others = [times[1], times[11]], [t for at, t in enumerate(times) if at not in (0, 1, 11)]
    assert min(dear) > 3 * max(others)


def test_of_the_block_that_has_been_begun_the_rest_counts() -> None:
    lessons, entry = a_row_and_a_half()
    at_once, later = (lessons.times_of([16, 18], entry, 99.0, now)[0] for now in (56.0, 56.5))
    assert later == pytest.approx(at_once - 0.5)


def test_without_any_block_all_that_is_left_is_taken_to_be_alike() -> None:
    lessons, entry = a_row_and_a_half()
    entry.pace = Pace(0.0)
    assert lessons.times_of(range(16, 30), entry, 28.0, 60.0) == [2.0] * 14
    assert lessons.times_of([], entry, 28.0, 60.0) == []
