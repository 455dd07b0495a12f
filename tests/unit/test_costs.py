"""What blocks should take, by those above and below and by the pace of their rank."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpirender.schedule.costs import CostMap

COLUMNS, ROWS = 10, 12


def taught(rows: list[list[float]]) -> CostMap:
    """Return what is known after some rows, the pace being what the block before took."""
    costs, pace = CostMap(ROWS * COLUMNS, COLUMNS), None
    for block, took in enumerate(took for row in rows for took in row):
        costs.learn([block], took, pace)
        pace = took
    return costs


def below(rows: list[list[float]]) -> range:
    """Return the blocks of the row below the last one."""
    return range(len(rows) * COLUMNS, (len(rows) + 1) * COLUMNS)


def test_at_first_only_the_pace_is_known() -> None:
    assert CostMap(20, 10).foretell(range(10, 20), 3.0) == [3.0] * 10


def test_a_dear_column_is_foretold_by_the_rows_above() -> None:
    rows = [[9.0 if column == 4 else 1.0 for column in range(COLUMNS)]] * 4
    foretold = taught(rows).foretell(below(rows), 1.0)
    assert foretold == pytest.approx(rows[0])


def test_a_dear_place_is_foretold_by_the_row_below_where_another_rank_has_been() -> None:
    rows = [[9.0 if column == 4 else 1.0 for column in range(COLUMNS)]] * 4
    costs = taught(rows)
    costs.learn([10 * COLUMNS + 5], 7.0, None)
    assert costs.foretell([8 * COLUMNS + 5, 8 * COLUMNS + 6], 1.0) == pytest.approx([7.0, 1.0])


def test_between_a_dear_and_a_cheap_block_it_is_taken_to_be_dear() -> None:
    costs = taught([[9.0 if column == 4 else 1.0 for column in range(COLUMNS)]] * 4)
    costs.learn([5 * COLUMNS + 4, 5 * COLUMNS + 6], 2.0, None)
    assert costs.foretell([4 * COLUMNS + 4, 4 * COLUMNS + 6], 1.0) == pytest.approx([9.0, 2.0])


def test_a_dear_block_farther_off_counts_more_than_a_cheap_one_beside() -> None:
    costs = taught([[9.0 if column == 4 else 1.0 for column in range(COLUMNS)]] * 4)
    costs.learn([7 * COLUMNS + 4], 1.0, None)
    assert costs.foretell([6 * COLUMNS + 4], 1.0) == pytest.approx([9.0])


def test_a_look_around_says_what_foretelling_each_block_would() -> None:
    costs = taught([[9.0 if column == 4 else 1.0 for column in range(COLUMNS)]] * 4)
    row = range(4 * COLUMNS, 4 * COLUMNS + 8)
    around = costs.look_around(row)
    assert (around.blocks, around.known, around.dearest) == (8, 1.0, 9.0)
    assert around.mean * 8 == pytest.approx(sum(costs.foretell(row, 1.0)))


def test_a_look_around_finds_nothing_where_nothing_is_finished() -> None:
    around = CostMap(20, 10).look_around(range(10, 20))
    assert (around.known, around.mean, around.dearest) == (0.0, 0.0, 0.0)


def test_a_look_around_says_how_many_blocks_have_a_neighbour() -> None:
    costs = CostMap(4 * COLUMNS, COLUMNS)
    costs.learn(range(4), 2.0, None)
    around = costs.look_around(range(COLUMNS, COLUMNS + 8))
    assert (around.known, around.mean) == (0.5, 2.0)


def test_rows_by_turns_dear_and_cheap_are_not_foretold_by_the_one_above() -> None:
    rows = [[9.0 if row % 2 else 1.0] * COLUMNS for row in range(6)]
    foretold = taught(rows).foretell(below(rows), 1.0)
    assert all(1.0 <= each < 2.5 for each in foretold)


def test_what_depends_on_nothing_is_foretold_by_both() -> None:
    chance = random.Random(0)
    rows = [[chance.uniform(0.5, 1.5) for _ in range(COLUMNS)] for _ in range(ROWS - 1)]
    foretold = taught(rows).foretell(below(rows), 5.0)
    assert all(1.5 < each < 4.5 for each in foretold)


def test_a_block_far_above_says_nothing() -> None:
    costs = taught([[9.0 if column == 4 else 1.0 for column in range(COLUMNS)]] * 3)
    near, far = costs.foretell([10 * COLUMNS + 4, 11 * COLUMNS + 4], 2.0)
    assert near == pytest.approx(9.0)
    assert far == 2.0


def test_a_block_that_took_no_time_is_known_too() -> None:
    rows = [[0.0 if column == 4 else 1.0 for column in range(COLUMNS)]] * 4
    assert taught(rows).foretell([below(rows)[4]], 1.0) == pytest.approx([0.0], abs=1e-6)


@given(st.lists(st.floats(0, 1e6), min_size=20, max_size=20), st.floats(0, 1e6))
def test_a_forecast_lies_between_those_it_is_made_of(took: list[float], pace: float) -> None:
    costs = taught([took[:10], took[10:]])
    for above, each in zip(took[10:], costs.foretell(range(20, 30), pace), strict=True):
        low, high = sorted((above, pace))
        assert low * (1 - 1e-9) - 1e-6 <= each <= high * (1 + 1e-9) + 1e-6
