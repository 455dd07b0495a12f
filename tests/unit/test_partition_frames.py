from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender.model import Tile
from mpirender.partition import Grid
from mpirender.partition.frames import FramePartition, Section


@st.composite
def sections(draw: st.DrawFn, job: int) -> Section:
    start, left = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    area = Tile(start, start + draw(st.integers(1, 50)), left, left + draw(st.integers(1, 30)))
    numbers = draw(st.lists(st.integers(0, 20), max_size=9, unique=True))
    if draw(st.booleans()):
        numbers.sort()
    grid = Grid(area, draw(st.integers(1, 20)))
    return Section(job, grid, tuple(numbers), draw(st.integers(0, 3)))


@st.composite
def films(draw: st.DrawFn) -> list[Section]:
    """Sections with at least one frame in all."""
    drawn = [draw(sections(job)) for job in range(draw(st.integers(1, 3)))]
    if not any(section.numbers for section in drawn):
        drawn.append(Section(len(drawn), drawn[0].grid, (1,)))
    return drawn


def partition_of(film: list[Section], *, rows: bool = True) -> FramePartition:
    return FramePartition(film, rows=rows)


def all_cuts(partition: FramePartition, data: st.DataObject) -> list[Tile]:
    """Cut to the end in pieces of any sizes."""
    tiles = []
    while partition.remaining:
        tiles.append(partition.cut(data.draw(st.integers(1, partition.total + 1))))
    return tiles


def all_units(partition: FramePartition) -> list[int]:
    return [
        unit for at in range(partition.total) for unit in partition.units_of(partition.whole(at))
    ]


@given(films(), st.data())
@settings(deadline=None)
def test_every_row_of_every_frame_is_cut_off_exactly_once(
    film: list[Section], data: st.DataObject
) -> None:
    partition = partition_of(film)
    units = [u for tile in all_cuts(partition, data) for u in partition.units_of(tile)]
    assert units == list(range(sum(len(s.numbers) * s.grid.rows for s in film)))
    assert units == all_units(partition)


@given(films(), st.data())
@settings(deadline=None)
def test_every_frame_is_in_exactly_one_task_with_its_job_and_number(
    film: list[Section], data: st.DataObject
) -> None:
    partition = partition_of(film)
    tasks = [partition.task(0, tile) for tile in all_cuts(partition, data)]
    done = Counter((task.job, number) for task in tasks for number in task.numbers)
    assert done == Counter((s.job, number) for s in film for number in s.numbers)
    told = [partition.frame_at(at) for at in range(partition.frames)]
    assert told == [(s.job, number) for s in film for number in s.numbers]


@given(films(), st.data())
@settings(deadline=None)
def test_frames_of_a_task_are_of_one_section_in_its_steps(
    film: list[Section], data: st.DataObject
) -> None:
    partition = partition_of(film)
    for tile in all_cuts(partition, data):
        task = partition.task(0, tile)
        section = film[task.job]
        assert (tile.start, tile.stop) == (section.grid.area.start, section.grid.area.stop)
        assert len(task.numbers) == tile.frames
        steps = {b - a for a, b in zip(task.numbers, task.numbers[1:], strict=False)}
        assert steps <= {section.step} - {0}


@given(films(), st.data())
@settings(deadline=None)
def test_what_remains_falls_by_the_frames_of_each_piece(
    film: list[Section], data: st.DataObject
) -> None:
    partition = partition_of(film)
    while before := partition.remaining:
        asked = data.draw(st.integers(1, before + 1))
        tile = partition.cut(asked)
        assert tile.frames == before - partition.remaining <= asked
        assert partition.size_of(tile) == tile.frames
        assert partition.count(tile) == len(partition.units_of(tile))


@given(films(), st.data())
@settings(deadline=None)
def test_pieces_cover_exactly_the_units_that_they_are_of(
    film: list[Section], data: st.DataObject
) -> None:
    partition = partition_of(film)
    units = data.draw(st.sets(st.sampled_from(all_units(partition))))
    tiles = partition.tiles_of(units)
    covered = [unit for tile in tiles for unit in partition.units_of(tile)]
    assert sorted(covered) == sorted(units)
    assert all(partition.count(tile) == len(partition.units_of(tile)) for tile in tiles)


def test_rows_of_a_frame_are_no_piece_with_the_whole_frame_after_it() -> None:
    partition = partition_of([Section(0, Grid(Tile(0, 3, 0, 1), 2), (4, 6), 2)])
    assert [(tile.frame, tile.height) for tile in partition.tiles_of([0, 2, 3])] == [(0, 2), (1, 3)]


@given(films(), st.data())
@settings(deadline=None)
def test_the_units_of_a_cut_are_one_piece_again(film: list[Section], data: st.DataObject) -> None:
    partition = partition_of(film)
    for tile in all_cuts(partition, data):
        assert partition.tiles_of(partition.units_of(tile)) == [tile]


def a_task_under_way(partition: FramePartition, data: st.DataObject) -> tuple[Tile, set[int]]:
    tile = data.draw(st.sampled_from(all_cuts(partition, data)))
    return tile, data.draw(st.sets(st.sampled_from(partition.units_of(tile))))


@given(films(), st.booleans(), st.data())
@settings(deadline=None)
def test_a_far_part_is_the_end_of_what_is_left_and_never_all_of_it(
    film: list[Section], rows: bool, data: st.DataObject
) -> None:
    partition = partition_of(film, rows=rows)
    tile, left = a_task_under_way(partition, data)
    units = set(partition.units_of(tile))
    for part, count in partition.far_parts(tile, left):
        of_part = set(partition.units_of(part))
        assert of_part <= units
        assert of_part & left == set(sorted(left)[-count:])
        assert min(left) not in of_part
        assert partition.tiles_of(of_part) == [part]


@given(films(), st.booleans(), st.data())
@settings(deadline=None)
def test_far_parts_are_whole_frames_and_rows_only_of_the_last_one(
    film: list[Section], rows: bool, data: st.DataObject
) -> None:
    partition = partition_of(film, rows=rows)
    tile, left = a_task_under_way(partition, data)
    parts = [part for part, _ in partition.far_parts(tile, left)]
    frames_left = {f for f in range(partition.total) if left & set(whole_units(partition, f))}
    if len(frames_left) > 1:
        first, last = min(frames_left), max(frames_left)
        assert [(p.frame, p.frame + p.frames) for p in parts] == [
            (frame, last + 1) for frame in range(first + 1, last + 1)
        ]
        assert all(p.height == tile.height for p in parts)
    elif rows:
        assert len(parts) == max(0, len(left) - 1)
        assert {p.frame for p in parts} <= frames_left
        assert all((p.left, p.right, p.frames) == (tile.left, tile.right, 1) for p in parts)
    else:
        assert parts == []


def whole_units(partition: FramePartition, frame: int) -> list[int]:
    return partition.units_of(partition.whole(frame))


GRID = Grid(Tile(0, 20, 0, 16), 8)  # three rows of two blocks


def test_far_parts_of_three_frames() -> None:
    partition = FramePartition([Section(0, GRID, (1, 2, 3))])
    tile = partition.cut(3)
    assert partition.far_parts(tile, range(1, 9)) == [
        (Tile(0, 20, 0, 16, frame=1, frames=2), 6),
        (Tile(0, 20, 0, 16, frame=2), 3),
    ]
    assert partition.far_parts(tile, range(6, 9)) == [
        (Tile(8, 20, 0, 16, frame=2), 2),
        (Tile(16, 20, 0, 16, frame=2), 1),
    ]
    assert partition.far_parts(tile, [8]) == []


def test_a_part_of_rows_can_be_divided_again() -> None:
    partition = FramePartition([Section(0, GRID, (1, 2))])
    partition.cut(2)
    part = Tile(8, 20, 0, 16, frame=1)
    assert partition.units_of(part) == [4, 5]
    assert partition.far_parts(part, [4, 5]) == [(Tile(16, 20, 0, 16, frame=1), 1)]


def test_frames_with_a_process_each_are_never_joined() -> None:
    partition = FramePartition([Section(0, GRID, (1, 2, 3), 0)])
    assert [partition.cut(9).frames for _ in range(3)] == [1, 1, 1]
    assert len(partition.tiles_of(range(9))) == 3


def test_frames_in_the_steps_of_a_preview_are_joined() -> None:
    partition = FramePartition([Section(0, GRID, (1, 4, 7), 3), Section(0, GRID, (2, 3, 5, 6), 1)])
    cuts = [partition.task(0, partition.cut(9)).numbers for _ in range(3)]
    assert cuts == [(1, 4, 7), (2, 3), (5, 6)]


def test_frames_of_two_jobs_are_never_joined() -> None:
    partition = FramePartition([Section(0, GRID, (1, 2)), Section(1, GRID, (3, 4))])
    tasks = [partition.task(at, partition.cut(9)) for at in range(2)]
    assert [(task.job, task.numbers) for task in tasks] == [(0, (1, 2)), (1, (3, 4))]


def test_a_row_is_complete_with_its_last_block() -> None:
    partition = FramePartition([Section(0, GRID, (1, 2))])
    assert partition.units_of_blocks(1, [0, 2, 3], missing={1, 4, 5}) == [4]
    assert partition.units_of_blocks(1, [1, 4], missing={5}) == [3]


@pytest.mark.parametrize("frames", [0, -1])
def test_less_than_a_frame_cannot_be_cut(frames: int) -> None:
    with pytest.raises(ValueError, match=f"cannot cut {frames} of 1 frames"):
        FramePartition([Section(0, GRID, (1,))]).cut(frames)


def test_nothing_can_be_cut_from_nothing() -> None:
    with pytest.raises(ValueError, match="cannot cut 1 of 0 frames"):
        FramePartition([]).cut(1)


# ------------------------------------------------------------ frames that are cut beforehand


def tail_of(
    frames: int, ranks: int, *, rows: int = 20, in_parts: bool = True, seconds: float = 0.0
) -> list[Tile]:
    """All that is cut, frame by frame, of frames with blocks of a pixel."""
    section = Section(0, Grid(Tile(0, rows, 0, 3), 1), tuple(range(frames)), 1, in_parts)
    partition = FramePartition([section], rows=False, ranks=ranks)
    tiles = []
    while partition.remaining:
        tiles.append(partition.cut(1, seconds=seconds))
    return tiles


def heights(tiles: Sequence[Tile]) -> list[tuple[int, int]]:
    return [(tile.frame, tile.height) for tile in tiles]


def test_a_still_is_cut_into_large_parts_and_then_small_ones() -> None:
    assert heights(tail_of(1, 2)) == [(0, 6), (0, 6), (0, 2), (0, 2), (0, 2), (0, 2)]


def test_frames_that_all_ranks_have_one_of_stay_whole() -> None:
    assert heights(tail_of(4, 2)) == [(n, 20) for n in range(4)]
    assert heights(tail_of(3, 2))[:2] == [(0, 20), (1, 20)]
    assert {frame for frame, _ in heights(tail_of(3, 2))[2:]} == {2}


def test_frames_that_take_little_time_are_not_cut() -> None:
    assert heights(tail_of(3, 2, seconds=0.5)) == [(n, 20) for n in range(3)]
    assert len(tail_of(3, 2, seconds=60.0)) > 3


def test_frames_that_cannot_be_cut_stay_whole() -> None:
    assert heights(tail_of(1, 4, in_parts=False)) == [(0, 20)]


@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 30))
@settings(deadline=None)
def test_parts_of_the_last_frames_have_every_row_once(frames: int, ranks: int, rows: int) -> None:
    done = Counter(
        (tile.frame + after, row)
        for tile in tail_of(frames, ranks, rows=rows)
        for after in range(tile.frames)
        for row in range(tile.start, tile.stop)
    )
    assert done == Counter((frame, row) for frame in range(frames) for row in range(rows))


@pytest.mark.parametrize("frames", range(1, 10))
def test_no_rank_has_more_than_its_share_to_do_at_once(frames: int) -> None:
    for ranks in range(2, 41):
        share = frames % ranks * 100 / ranks
        parts = [tile for tile in tail_of(frames, ranks, rows=100) if tile.height < 100]
        assert all(tile.height <= max(1, 0.6 * share + 0.5) for tile in parts), ranks


def test_a_part_that_is_tried_again_is_the_same_task() -> None:
    section = Section(0, Grid(Tile(0, 20, 0, 3), 1), (7, 8, 9), 1, True)
    partition = FramePartition([section], rows=False, ranks=2)
    tiles = [partition.cut(1) for _ in range(4)]
    assert [partition.tiles_of(partition.units_of(tile)) for tile in tiles] == [[t] for t in tiles]
    assert partition.task(3, tiles[3]).numbers == (9,)
    assert partition.far_parts(tiles[3], partition.units_of(tiles[3])) == []
