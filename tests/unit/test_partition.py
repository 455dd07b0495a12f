from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender.model import Tile
from mpirender.partition import Grid, Partition, Split


@st.composite
def areas(draw: st.DrawFn) -> Tile:
    start, left = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    return Tile(start, start + draw(st.integers(1, 70)), left, left + draw(st.integers(1, 70)), 4)


grids = st.builds(Grid, areas(), st.integers(1, 40))
splits = st.sampled_from(Split)


def all_cuts(partition: Partition, data: st.DataObject) -> list[Tile]:
    """Cut to the end in pieces of any sizes."""
    sizes = st.integers(1, 2 * partition.total)
    tiles = []
    while partition.remaining:
        tiles.append(partition.cut(data.draw(sizes)))
    return tiles


@given(grids, splits, st.data())
@settings(deadline=None)
def test_every_pixel_is_cut_off_exactly_once(grid: Grid, split: Split, data: st.DataObject) -> None:
    area = grid.area
    times = np.zeros((area.stop + 3, area.right + 3), int)
    for tile in all_cuts(Partition(grid, split), data):
        times[tile.start : tile.stop, tile.left : tile.right] += 1
    assert (times[area.start : area.stop, area.left : area.right] == 1).all()
    assert times.sum() == area.pixels


@given(grids, splits, st.data())
@settings(deadline=None)
def test_every_edge_lies_on_the_grid(grid: Grid, split: Split, data: st.DataObject) -> None:
    area, block = grid.area, grid.block
    for tile in all_cuts(Partition(grid, split), data):
        assert (tile.start - area.start) % block == 0
        assert (tile.left - area.left) % block == 0
        assert tile.stop == area.stop or (tile.stop - area.start) % block == 0
        assert tile.right == area.right or (tile.right - area.left) % block == 0


@given(grids, splits, st.data())
@settings(deadline=None)
def test_every_piece_is_of_the_same_frame(grid: Grid, split: Split, data: st.DataObject) -> None:
    assert {t.frame for t in all_cuts(Partition(grid, split), data)} == {grid.area.frame}


@given(grids, splits, st.data())
@settings(deadline=None)
def test_what_remains_falls_by_the_blocks_of_each_piece(
    grid: Grid, split: Split, data: st.DataObject
) -> None:
    partition = Partition(grid, split)
    while before := partition.remaining:
        tile = partition.cut(data.draw(st.integers(1, 2 * partition.total)))
        rows, columns = -(-tile.height // grid.block), -(-tile.width // grid.block)
        assert before - partition.remaining == rows * columns


@given(grids, st.data())
@settings(deadline=None)
def test_rows_are_never_cut_where_only_rows_may_be(grid: Grid, data: st.DataObject) -> None:
    tiles = all_cuts(Partition(grid, Split.ROWS), data)
    assert {(t.left, t.right) for t in tiles} == {(grid.area.left, grid.area.right)}


@given(grids, st.data())
@settings(deadline=None)
def test_a_tile_is_never_higher_than_a_block_where_tiles_are_wanted(
    grid: Grid, data: st.DataObject
) -> None:
    tiles = all_cuts(Partition(grid, Split.TILES), data)
    assert max(t.height for t in tiles) <= grid.block


@given(grids, st.integers(1, 50))
@settings(deadline=None)
def test_a_tile_is_never_larger_than_asked_for(grid: Grid, blocks: int) -> None:
    for tile in Partition(grid, Split.TILES).pieces(blocks):
        assert -(-tile.height // grid.block) * -(-tile.width // grid.block) <= blocks


@given(grids, st.integers(1, 50))
@settings(deadline=None)
def test_whole_rows_are_the_nearest_number_of_them(grid: Grid, blocks: int) -> None:
    for tile in Partition(grid).pieces(blocks):
        got = -(-tile.height // grid.block) * -(-tile.width // grid.block)
        assert got <= blocks + grid.columns / 2


def test_large_shares_are_rows_and_small_ones_tiles() -> None:
    partition = Partition(Grid(Tile(0, 96, 0, 128), 32))
    assert partition.cut(9) == Tile(0, 64, 0, 128)
    assert partition.cut(2) == Tile(64, 96, 0, 64)
    assert partition.cut(9) == Tile(64, 96, 64, 128)


def test_a_row_is_cut_into_even_parts() -> None:
    partition = Partition(Grid(Tile(0, 8, 0, 56), 8), Split.TILES)
    assert [t.width // 8 for t in partition.pieces(4)] == [4, 3]
    partition = Partition(Grid(Tile(0, 8, 0, 64), 8), Split.TILES)
    assert [t.width // 8 for t in partition.pieces(4)] == [4, 4]
    partition = Partition(Grid(Tile(0, 8, 0, 72), 8), Split.TILES)
    assert [t.width // 8 for t in partition.pieces(4)] == [3, 3, 3]


def test_the_last_row_and_column_may_be_smaller() -> None:
    grid = Grid(Tile(0, 33, 0, 40), 32)
    assert (grid.rows, grid.columns) == (2, 2)
    assert list(Partition(grid, Split.TILES).pieces(1))[-1] == Tile(32, 33, 32, 40)


@pytest.mark.parametrize("blocks", [0, -1])
def test_less_than_a_block_cannot_be_cut(blocks: int) -> None:
    with pytest.raises(ValueError, match=f"cannot cut {blocks} of 1 blocks"):
        Partition(Grid(Tile(0, 8, 0, 8), 8)).cut(blocks)


def test_nothing_can_be_cut_from_nothing() -> None:
    partition = Partition(Grid(Tile(0, 8, 0, 8), 8))
    partition.cut(1)
    with pytest.raises(ValueError, match="cannot cut 1 of 0 blocks"):
        partition.cut(1)


# ------------------------------------------------------------------------------------- blocks


@st.composite
def cut_tiles(draw: st.DrawFn, grid: Grid) -> Tile:
    """A rectangle along the grid."""
    row, column = draw(st.integers(0, grid.rows - 1)), draw(st.integers(0, grid.columns - 1))
    rows, columns = draw(st.integers(1, grid.rows - row)), draw(st.integers(1, grid.columns))
    return grid.tile(row=row, rows=rows, column=column, columns=min(columns, grid.columns - column))


def some_blocks(grid: Grid, data: st.DataObject) -> set[int]:
    return data.draw(st.sets(st.integers(0, grid.rows * grid.columns - 1)))


@given(grids, st.data())
@settings(deadline=None)
def test_every_pixel_lies_in_the_block_that_is_said(grid: Grid, data: st.DataObject) -> None:
    row = data.draw(st.integers(grid.area.start, grid.area.stop - 1))
    column = data.draw(st.integers(grid.area.left, grid.area.right - 1))
    tile = grid.tile_of(grid.block_at(row, column))
    assert tile.start <= row < tile.stop and tile.left <= column < tile.right


@given(grids)
@settings(deadline=None)
def test_blocks_are_counted_in_reading_order(grid: Grid) -> None:
    tiles = [grid.tile_of(block) for block in range(grid.rows * grid.columns)]
    assert tiles == sorted(tiles, key=lambda t: (t.start, t.left))
    assert sum(t.pixels for t in tiles) == grid.area.pixels
    assert [grid.block_at(t.stop - 1, t.right - 1) for t in tiles] == list(range(len(tiles)))


@given(grids, st.data())
@settings(deadline=None)
def test_the_blocks_of_a_rectangle_fill_it_and_nothing_else(
    grid: Grid, data: st.DataObject
) -> None:
    tile = data.draw(cut_tiles(grid))
    blocks = grid.blocks_of(tile)
    assert blocks == sorted(set(blocks))
    assert all(tile.contains(grid.tile_of(block)) for block in blocks)
    assert sum(grid.tile_of(block).pixels for block in blocks) == tile.pixels


@given(grids, st.data())
@settings(deadline=None)
def test_rectangles_cover_exactly_the_blocks_that_they_are_of(
    grid: Grid, data: st.DataObject
) -> None:
    blocks = some_blocks(grid, data)
    covered = [block for tile in grid.tiles_of(blocks) for block in grid.blocks_of(tile)]
    assert sorted(covered) == sorted(blocks)


@given(grids, st.data())
@settings(deadline=None)
def test_the_blocks_of_a_rectangle_are_one_rectangle_again(grid: Grid, data: st.DataObject) -> None:
    tile = data.draw(cut_tiles(grid))
    assert grid.tiles_of(data.draw(st.permutations(grid.blocks_of(tile)))) == [tile]


def test_the_rest_of_a_task_is_a_piece_of_a_row_and_the_rows_below() -> None:
    grid = Grid(Tile(0, 32, 0, 32), 8)
    assert grid.tiles_of(range(6, 16)) == [Tile(8, 16, 16, 32), Tile(16, 32, 0, 32)]


def test_no_blocks_are_no_rectangles() -> None:
    assert Grid(Tile(0, 32, 0, 32), 8).tiles_of([]) == []


def a_task_under_way(grid: Grid, data: st.DataObject) -> tuple[Tile, set[int]]:
    """A tile, and what is left of it: with several threads it is not one run of blocks."""
    tile = data.draw(cut_tiles(grid))
    return tile, data.draw(st.sets(st.sampled_from(grid.blocks_of(tile))))


@given(grids, st.data())
@settings(deadline=None)
def test_a_far_part_is_a_rectangle_of_the_grid_within_the_task(
    grid: Grid, data: st.DataObject
) -> None:
    tile, left = a_task_under_way(grid, data)
    for part, _ in grid.far_parts(tile, left):
        assert tile.contains(part)
        assert grid.tiles_of(grid.blocks_of(part)) == [part]


@given(grids, st.data())
@settings(deadline=None)
def test_a_far_part_has_as_many_unfinished_blocks_as_is_said(
    grid: Grid, data: st.DataObject
) -> None:
    tile, left = a_task_under_way(grid, data)
    for part, count in grid.far_parts(tile, left):
        assert len(left.intersection(grid.blocks_of(part))) == count >= 1


@given(grids, st.data())
@settings(deadline=None)
def test_a_far_part_is_the_end_of_what_is_left_and_never_all_of_it(
    grid: Grid, data: st.DataObject
) -> None:
    tile, left = a_task_under_way(grid, data)
    for part, count in grid.far_parts(tile, left):
        taken = left.intersection(grid.blocks_of(part))
        assert taken == set(sorted(left)[-count:])
        assert min(left) not in taken


@given(grids, st.data())
@settings(deadline=None)
def test_there_is_a_far_part_wherever_two_blocks_are_left(grid: Grid, data: st.DataObject) -> None:
    tile, left = a_task_under_way(grid, data)
    assert bool(grid.far_parts(tile, left)) == (len(left) >= 2)


def test_far_parts_are_whole_rows_or_the_end_of_the_last_one() -> None:
    grid = Grid(Tile(0, 24, 0, 24), 8)
    assert grid.far_parts(grid.area, [1, 3, 4, 5, 6, 7]) == [
        (Tile(8, 24, 0, 24), 5),
        (Tile(16, 24, 0, 24), 2),
        (Tile(16, 24, 0, 16), 2),
        (Tile(16, 24, 8, 16), 1),
    ]
