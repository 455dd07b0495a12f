from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpirender.errors import UsageError
from mpirender.frames import (
    FrameList,
    FrameRange,
    FromLast,
    compact,
    has_number,
    natural_key,
    numbered,
    parse_frames,
)

numbers = st.integers(-300, 300)
bounds = numbers | st.builds(FromLast, st.integers(0, 300))


@st.composite
def ranges(draw: st.DrawFn) -> FrameRange:
    first, last = draw(bounds), draw(bounds)
    if isinstance(first, int) and isinstance(last, int):
        first, last = sorted((first, last))
    return FrameRange(first, last, 1 if first == last else draw(st.integers(1, 9)))


frame_lists = st.builds(FrameList, st.lists(ranges(), min_size=1, max_size=5).map(tuple))


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("7", (7,)),
        ("1-5", (1, 2, 3, 4, 5)),
        ("2,4,6-12x3", (2, 4, 6, 9, 12)),
        ("1-10x4", (1, 5, 9)),
        ("5,1-3", (5, 1, 2, 3)),
        ("3, 1-4 ,3", (3, 1, 2, 4)),
        ("-5--3", (-5, -4, -3)),
        ("-1-1", (-1, 0, 1)),
        ("-4", (-4,)),
        ("0", (0,)),
        ("1 - 3", (1, 2, 3)),
        ("4-4", (4,)),
        ("last", (12,)),
        ("last-10", (2,)),
        ("10-last", (10, 11, 12)),
        ("last-2-last", (10, 11, 12)),
        ("8-last-2", (8, 9, 10)),
        ("last-3-11x2", (9, 11)),
        ("last-0-12", (12,)),
        ("last,1-last", (12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)),
    ],
)
def test_a_list_means_these_frames(text: str, frames: tuple[int, ...]) -> None:
    assert parse_frames(text).resolve(last=12) == frames


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "got '', expected frames or ranges"),
        ("1,,2", "got '', expected"),
        ("1-", "got '1-', expected"),
        ("a", "got 'a', expected"),
        ("1..5", "got '1..5', expected"),
        ("5x2", "got '5x2', expected"),
        ("1-5x-2", "got '1-5x-2', expected"),
        ("1 2", "got '1 2', expected"),
        ("1 2-30", "got '1 2-30', expected"),
        ("1-5-9", "got '1-5-9', expected"),
        ("final", "got 'final', expected"),
        ("1.5", "got '1.5', expected"),
        ("٣", "got '٣', expected"),
        ("9" * 5000, "expected frames or ranges"),
        ("1-5x0", "got step 0, expected 1 or more"),
        ("10-1", "frames 10-1: the range ends at 1, before it begins at 10"),
    ],
)
def test_what_is_no_list_is_told(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_frames(text)
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("text", "first", "last", "told"),
    [
        ("last", None, None, "frames last: the last frame is not known"),
        ("20-last", 1, 12, "frames 20-last: the range ends at 12, before it begins at 20"),
        ("1-14", 1, 12, "frames 1-14: got 13, 14, outside of the animation, expected 1-12"),
        ("0-3", 1, None, "frames 0-3: got 0, outside of the animation, expected 1-..."),
        ("1-99999999", None, None, "frames 1-99999999: more than 1000000"),
    ],
)
def test_frames_that_are_not_there_are_told(
    text: str, first: int | None, last: int | None, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_frames(text).resolve(first, last)
    assert told in caught.value.message


def test_a_list_knows_whether_it_needs_the_final_frame() -> None:
    assert parse_frames("1,5-last").needs_last
    assert not parse_frames("1,5-9").needs_last


@given(frame_lists)
def test_a_list_is_read_back_as_it_is_written(frames: FrameList) -> None:
    assert parse_frames(str(frames)) == frames


@given(st.lists(numbers, min_size=1, max_size=40, unique=True))
def test_compact_frames_are_read_back_in_their_order(frames: list[int]) -> None:
    assert parse_frames(compact(frames)).resolve() == tuple(frames)


@given(st.sets(st.integers(-9, 30), min_size=1))
def test_compact_frames_in_order_are_read_back(frames: set[int]) -> None:
    assert parse_frames(compact(sorted(frames))).resolve() == tuple(sorted(frames))


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([], ""),
        ([3], "3"),
        ([1, 2], "1, 2"),
        ([1, 2, 3, 4, 5, 9, 12, 14, 16], "1-5, 9, 12-16x2"),
        ([-3, -2, -1], "-3--1"),
        ([3, 2, 1], "3, 2, 1"),
    ],
)
def test_frames_are_written_as_people_do(frames: list[int], text: str) -> None:
    assert compact(frames) == text


@pytest.mark.parametrize(
    ("pattern", "frame", "name"),
    [
        ("frames/walk_####.png", 7, "frames/walk_0007.png"),
        ("walk_#.png", 12, "walk_12.png"),
        ("walk_##.png", 1234, "walk_1234.png"),
        ("walk_####.png", -7, "walk_-0007.png"),
        ("####", 3, "0003"),
        ("take#_###.png", 5, "take#_005.png"),
        ("take#/a_###.png", 5, "take#/a_005.png"),
        ("a\n#.png", 5, "a\n5.png"),
    ],
)
def test_the_number_of_the_frame_takes_the_place_of_the_hashes(
    pattern: str, frame: int, name: str
) -> None:
    assert has_number(pattern)
    assert numbered(pattern, frame) == name


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("walk.png", "such as walk_####.png"),
        ("take#/walk.png", "such as take#/walk_####.png"),
        ("a.b/walk", "such as a.b/walk_####"),
    ],
)
def test_a_name_without_a_place_for_the_number_is_told(pattern: str, hint: str) -> None:
    assert not has_number(pattern)
    with pytest.raises(UsageError, match="no # for the number of the frame") as caught:
        numbered(pattern, 1)
    assert caught.value.hint == hint


def test_numbers_in_names_sort_as_numbers() -> None:
    names = [f"animation{number}.pov" for number in range(1, 101)]
    assert sorted(sorted(names), key=natural_key) == names


@given(st.lists(st.text("a1/0-_.é²", max_size=8), max_size=8))
def test_any_names_have_an_order(names: list[str]) -> None:
    assert sorted(sorted(names), key=natural_key) == sorted(names[::-1], key=natural_key)
