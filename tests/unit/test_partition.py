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
