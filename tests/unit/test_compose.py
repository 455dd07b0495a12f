from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender.compose import Frame, telling_block
from mpirender.errors import CompositionError
from mpirender.model import Tile
from mpirender.partition import Grid, Partition, Split

DTYPES = ("uint8", "uint16", "float16", "float32")


@st.composite
def cuts(draw: st.DrawFn) -> tuple[Tile, list[Tile]]:
    """An area, and its pieces in any order."""
    start, left = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    area = Tile(
        start, start + draw(st.integers(1, 30)), left, left + draw(st.integers(1, 30)), frame=3
    )
    partition = Partition(Grid(area, draw(st.integers(1, 12))), draw(st.sampled_from(Split)))
    pieces = []
    while partition.remaining:
        pieces.append(partition.cut(draw(st.integers(1, partition.total))))
    return area, draw(st.permutations(pieces))


@given(cuts(), st.sampled_from(DTYPES), st.integers(1, 4))
@settings(deadline=None)
def test_the_frame_of_any_pieces_in_any_order_is_the_whole_picture(
    cut: tuple[Tile, list[Tile]], dtype: str, channels: int
) -> None:
    area, pieces = cut
    shape = (area.stop, area.right, channels)
    whole = np.random.default_rng(1).integers(1, 255, shape).astype(dtype)
    whole[: area.start] = whole[:, : area.left] = 0
    frame = Frame(*shape, dtype=dtype)
    for tile in pieces:
        frame.put(tile, whole[tile.start : tile.stop, tile.left : tile.right])
    assert frame.pixels.dtype == dtype
    assert np.array_equal(frame.pixels, whole)


@given(cuts(), st.data())
@settings(deadline=None)
def test_an_overlap_is_refused_and_changes_nothing(
    cut: tuple[Tile, list[Tile]], data: st.DataObject
) -> None:
    area, pieces = cut
    frame = Frame(area.stop, area.right, 1, dtype="uint8")
    for tile in pieces:
        frame.put(tile, np.full((tile.height, tile.width, 1), 9, "uint8"))
    before = frame.pixels.copy()
    top, left = (
        data.draw(st.integers(area.start, area.stop - 1)),
        data.draw(st.integers(area.left, area.right - 1)),
    )
    with pytest.raises(CompositionError, match=r"overlaps rows .*, which is there already"):
        frame.put(Tile(top, top + 1, left, left + 1), np.full((1, 1, 1), 5, "uint8"))
    assert np.array_equal(frame.pixels, before)


def test_an_overlap_names_both_tiles() -> None:
    frame = Frame(8, 8, 1, dtype="uint8")
    frame.put(Tile(6, 8, 0, 8), np.zeros((2, 8, 1), "uint8"))
    frame.put(Tile(0, 4, 0, 8), np.zeros((4, 8, 1), "uint8"))
    with pytest.raises(CompositionError) as caught:
        frame.put(Tile(3, 5, 2, 4), np.zeros((2, 2, 1), "uint8"))
    expected = "rows 3-4, columns 2-3: overlaps rows 0-3, columns 0-7, which is there already"
    assert caught.value.message == expected


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((2, 3, 3), "uint16"),
        ((3, 2, 3), "uint8"),
        ((2, 3, 4), "uint8"),
        ((1, 3, 3), "uint8"),
        ((2, 3), "uint8"),
    ],
)
def test_pixels_of_another_shape_or_type_are_refused(shape: tuple[int, ...], dtype: str) -> None:
    frame = Frame(4, 4, 3, dtype="uint8")
    with pytest.raises(CompositionError, match=r"expected \(2, 3, 3\) uint8"):
        frame.put(Tile(1, 3, 0, 3), np.ones(shape, dtype))
    assert frame.tiles == []


def test_a_tile_over_the_edge_is_refused() -> None:
    with pytest.raises(CompositionError):
        Frame(4, 4, 1, dtype="uint8").put(Tile(3, 6, 0, 4), np.zeros((3, 4, 1), "uint8"))


@pytest.mark.parametrize(("dtype", "full"), [("uint8", 255), ("uint16", 65535), ("float16", 1)])
def test_what_has_not_arrived_is_black_and_opaque(dtype: str, full: int) -> None:
    pixels = Frame(2, 2, 4, dtype=dtype, opaque=True).pixels
    assert pixels[1, 1].tolist() == [0, 0, 0, full]
    assert not Frame(2, 2, 4, dtype=dtype).pixels.any()


# --------------------------------------------------------------- pictures from two sources


@given(cuts(), st.data())
@settings(deadline=None)
def test_what_has_not_arrived_is_taken_from_the_picture_below(
    cut: tuple[Tile, list[Tile]], data: st.DataObject
) -> None:
    area, pieces = cut
    frame = Frame(area.stop, area.right, 2, dtype="uint8")
    there = pieces[: data.draw(st.integers(0, len(pieces)))]
    for tile in there:
        frame.put(tile, np.full((tile.height, tile.width, 2), 7, "uint8"))
    frame.lay_over(np.full((area.stop, area.right, 2), 5, "uint8"))
    times = np.zeros((area.stop, area.right), int)
    for tile in there:
        times[tile.start : tile.stop, tile.left : tile.right] = 1
    assert np.array_equal(frame.pixels[..., 0], np.where(times == 1, 7, 5))


@pytest.mark.parametrize(
    ("shape", "dtype"), [((4, 5, 3), "uint8"), ((4, 4, 4), "uint8"), ((4, 4, 3), "uint16")]
)
def test_a_picture_of_another_kind_is_not_laid_below(shape: tuple[int, ...], dtype: str) -> None:
    frame = Frame(4, 4, 3, dtype="uint8")
    with pytest.raises(CompositionError, match="does not fit"):
        frame.lay_over(np.ones(shape, dtype))
    assert not frame.pixels.any()


def test_the_most_telling_block_has_most_values() -> None:
    tile = Tile(8, 24, 4, 20)
    blocks = Partition(Grid(tile, 8), Split.TILES).pieces(1)
    pixels = np.zeros((16, 16, 3), "uint8")
    pixels[:8, :8] = np.arange(20).repeat(12)[: 8 * 8 * 3].reshape(8, 8, 3)
    pixels[8:, 8:] = np.arange(8 * 8 * 3).reshape(8, 8, 3)
    found = telling_block(pixels, tile, list(blocks))
    assert found
    assert found.tile == Tile(16, 24, 12, 20)
    assert np.array_equal(found.pixels, pixels[8:, 8:])


def test_a_picture_of_a_few_values_tells_nothing() -> None:
    pixels = np.arange(15, dtype="uint8").repeat(5)[:64].reshape(8, 8, 1)
    tile = Tile(0, 8, 0, 8)
    assert telling_block(pixels, tile, [tile]) is None
