from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mpirender.schedule.waiting import Waiting


def waiting(*ranks: tuple[int, bool, float]) -> Waiting:
    queue = Waiting()
    for rank, is_busy, speed in ranks:
        queue.add(rank, is_busy=is_busy, speed=speed)
    return queue


def test_ranks_of_one_speed_wait_in_the_order_in_which_they_came() -> None:
    assert list(waiting((5, False, 1), (2, False, 1), (9, False, 1))) == [5, 2, 9]


def test_the_fastest_comes_first_but_after_those_without_any_work() -> None:
    queue = waiting((0, False, 1), (1, True, 9), (2, False, 3), (3, True, 10))
    assert list(queue) == [2, 0, 3, 1]


def test_who_waits_already_keeps_its_place() -> None:
    queue = waiting((0, False, 1), (1, False, 1), (0, False, 0.5))
    assert list(queue) == [0, 1]
    assert len(queue) == 2


def test_who_is_removed_waits_no_longer() -> None:
    queue = waiting((0, False, 1), (1, False, 1))
    assert queue.remove(0)
    assert not queue.remove(0)
    assert list(queue) == [1]


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.floats(0.1, 10)), max_size=60))
def test_everyone_who_has_come_and_not_gone_waits_once(
    events: list[tuple[int, bool, float]],
) -> None:
    queue, expected = Waiting(), set[int]()
    for rank, flag, speed in events:
        if rank in expected and flag:
            assert queue.remove(rank)
            expected.remove(rank)
        else:
            queue.add(rank, is_busy=flag, speed=speed)
            expected.add(rank)
    assert sorted(queue) == sorted(expected)
