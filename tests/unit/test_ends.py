"""The task to be relieved first is found, among a few at once, among many soon."""

from __future__ import annotations

import pytest

from mpirender.model import Task, Tile
from mpirender.schedule.ends import Ends
from mpirender.schedule.entry import Entry

MANY = 1000


class Hall:
    """Running tasks, one a rank, whose ends and dearest blocks are set by hand."""

    def __init__(self, *ends: float, dearest: dict[int, float] | None = None) -> None:
        self.at = dict(enumerate(ends))
        self.dearest = dearest or {}
        self.looks = 0
        self.held = {rank: {rank: self.task(rank)} for rank in self.at}
        self.ends = Ends(self.outlook)

    def task(self, rank: int) -> Entry:
        return Entry(Task(rank, Tile(0, 1, 0, 1)), rank=rank)

    def outlook(self, entry: Entry, now: float) -> tuple[float, float]:
        self.looks += 1
        task = entry.task.id
        return max(0.0, self.at[task] - now), self.dearest.get(task, 0.0)

    def last(self, now: float, rank: int = -1) -> tuple[int | None, float]:
        for task, left in self.ends.last(self.held, rank, now):
            return task.task.id, left
        return None, 0.0


def test_the_last_of_a_few_is_known_at_every_moment() -> None:
    hall = Hall(5.0, 9.0, 7.0)
    assert hall.last(now=1) == (1, 8.0)
    hall.at[2] = 11.0
    assert hall.last(now=1) == (2, 10.0)


def test_the_tasks_of_the_one_who_asks_do_not_count() -> None:
    hall = Hall(5.0, 9.0, 7.0)
    assert hall.last(now=1, rank=1) == (2, 6.0)
    assert hall.last(now=1) == (1, 8.0)


def test_of_tasks_that_end_together_the_one_with_dear_blocks_is_relieved_first() -> None:
    assert Hall(9.0, 8.9, 9.0, dearest={0: 0.1, 1: 2.0, 2: 0.1}).last(now=1) == (1, 7.9)


def test_a_task_that_ends_soon_is_not_first_for_its_dear_block() -> None:
    assert Hall(9.0, 3.0, dearest={0: 0.1, 1: 2.0}).last(now=1) == (0, 8.0)


def test_several_can_be_had_and_all_are_there_at_the_next_question() -> None:
    hall = Hall(5.0, 9.0, 7.0, 0.0)
    for _ in range(2):
        tasks = hall.ends.last(hall.held, 1, 1.0, 3)
        assert [(task.task.id, left) for task, left in tasks] == [(2, 6.0), (0, 4.0)]
    assert hall.last(now=1) == (1, 8.0)


def test_nothing_is_last_where_nothing_is_known() -> None:
    assert Hall(0.0, 0.0).last(now=1) == (None, 0.0)


@pytest.mark.parametrize(("ranks", "most"), [(100, 100), (1000, 10), (8000, 3), (40_000, 1)])
def test_rank_0_has_time_for_other_things_than_looking(ranks: int, most: int) -> None:
    hall = Hall(*[9.0] * ranks)
    for question in range(600):
        hall.last(now=question / 200)
    assert ranks <= hall.looks - 600 <= most * ranks


def test_among_many_the_first_ones_are_looked_at_anew() -> None:
    hall = Hall(*(100.0 + rank for rank in range(MANY)))
    assert hall.last(now=1) == (MANY - 1, 98.0 + MANY)
    hall.at[MANY - 1] = 50.0
    looks = hall.looks
    assert hall.last(now=1) == (MANY - 2, 97.0 + MANY)
    assert hall.looks - looks < 5


def test_what_has_moved_among_many_is_seen_after_a_while() -> None:
    hall = Hall(*(100.0 + rank for rank in range(MANY)))
    hall.last(now=1)
    hall.at[0] = 5000.0
    assert hall.last(now=2) == (0, 4998.0)


def test_a_task_that_has_ended_is_last_no_longer() -> None:
    hall = Hall(*(100.0 + rank for rank in range(MANY)))
    hall.last(now=1)
    hall.held[MANY - 1][MANY - 1].rank = None
    assert hall.last(now=1) == (MANY - 2, 97.0 + MANY)


def test_a_task_of_which_something_has_become_known_is_counted_in_at_once() -> None:
    hall = Hall(*(100.0 + rank for rank in range(MANY)))
    hall.last(now=1)
    newcomer = hall.task(MANY)
    hall.at[MANY] = 9000.0
    hall.ends.add(newcomer, 1)
    assert hall.last(now=1) == (MANY, 8999.0)
