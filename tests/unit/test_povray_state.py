from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender.errors import OutputMismatch
from mpirender.model import Tile, TileRecord
from mpirender.partition import Grid
from mpirender.renderers.povray.state import StateFile, black_tile, tile_message

HEADER = b"POV-Ray Render State File".ljust(28, b"\0") + b"0001" + b"\xa5" * 480
AREA = Tile(10, 75, 20, 100)
GRID = Grid(AREA, 32)  # 3 rows of 3 blocks, the last ones smaller


def message(block: int, *, number: int | None = None) -> bytes:
    """A tile as POV-Ray would write it, whose red tells the block; it counts from its own area."""
    tile = GRID.tile_of(block)
    pixels = np.zeros((tile.pixels, 5), ">f4")
    pixels[:, 0] = block
    return tile_message(block if number is None else number, tile, pixels.tobytes())


def preview(block: int) -> bytes:
    """The message that a radiosity run writes besides: it has no PiId."""
    data = message(block)
    at = data.index(b"PiIdINT4")
    out = bytearray(data[:at] + data[at + 16 :])
    struct.pack_into(">I", out, 12, len(out) - 20)  # the size
    (items,) = struct.unpack_from(">I", out, 24)
    struct.pack_into(">I", out, 24, items - 1)
    return bytes(out)


class Attempt:
    """A state file, and the one who writes it."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "task-000003.1.png"
        self.state = StateFile(self.output, GRID)
        self.theirs = self.output.with_suffix(".pov-state")

    def write(self, data: bytes) -> None:
        """Append, as POV-Ray does."""
        with self.theirs.open("ab") as file:
            file.write(data)


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    attempt = Attempt(tmp_path)
    yield attempt
    attempt.state.close()


def blocks(records: list[TileRecord]) -> list[int]:
    return [record.block for record in records]


def test_nothing_is_there_before_the_header(attempt: Attempt) -> None:
    assert attempt.state.read() == []
    attempt.write(HEADER[:500])
    assert attempt.state.read() == []
    assert attempt.state.header == b""


def test_the_header_is_kept_as_it_is(attempt: Attempt) -> None:
    attempt.write(HEADER)
    attempt.state.read()
    assert attempt.state.header == HEADER


def test_a_tile_is_there_when_its_last_byte_is(attempt: Attempt) -> None:
    attempt.write(HEADER + message(4)[:-1])
    assert attempt.state.read() == []
    attempt.write(message(4)[-1:])
    assert attempt.state.read() == [TileRecord(4, message(4))]
    assert attempt.state.read() == []


def test_tiles_come_in_the_order_in_which_they_were_finished(attempt: Attempt) -> None:
    attempt.write(HEADER + message(4) + message(1) + message(8))
    assert blocks(attempt.state.read()) == [4, 1, 8]


@given(st.lists(st.integers(0, 2 * 10**5), max_size=12), st.permutations(range(9)))
@settings(deadline=None, max_examples=30)
def test_a_file_that_grows_in_any_portions_gives_every_tile_once(
    cuts: list[int], order: list[int]
) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        attempt = Attempt(Path(folder))
        data = HEADER + b"".join(message(block) for block in order)
        found, at = [], 0
        for cut in [*sorted(cuts), len(data)]:
            attempt.write(data[at:cut])
            at = max(at, cut)
            found += attempt.state.read()
        attempt.state.close()
    assert found == [TileRecord(block, message(block)) for block in order]


def test_a_tile_is_numbered_for_the_whole_area(attempt: Attempt) -> None:
    attempt.write(HEADER + message(7, number=1))  # POV-Ray was told to render the last rows only
    assert attempt.state.read() == [TileRecord(7, message(7))]


def test_the_preview_of_a_radiosity_run_is_left_out(attempt: Attempt) -> None:
    attempt.write(HEADER + preview(0) + message(5) + preview(1))
    assert blocks(attempt.state.read()) == [5]


def test_the_file_is_still_there_when_povray_has_removed_its_own_name(attempt: Attempt) -> None:
    attempt.write(HEADER + message(2))
    attempt.theirs.unlink()
    assert blocks(attempt.state.read()) == [2]


def test_a_file_that_povray_empties_first_is_followed(attempt: Attempt) -> None:
    attempt.theirs.write_bytes(b"")  # the same file, cut to nothing
    attempt.write(HEADER + message(2))
    assert blocks(attempt.state.read()) == [2]


@pytest.mark.parametrize(
    "header",
    [b"POV-Ray 4 State File".ljust(512), HEADER.replace(b"0001", b"0002"), bytes(512)],
    ids=["mark", "version", "nothing"],
)
def test_an_unknown_beginning_is_refused(attempt: Attempt, header: bytes) -> None:
    attempt.write(header + message(0))
    with pytest.raises(OutputMismatch, match="begins in an unknown way"):
        attempt.state.read()


def test_an_unknown_message_is_refused(attempt: Attempt) -> None:
    attempt.write(HEADER + message(0))
    attempt.state.read()
    attempt.write(b"POVRAYXX" + message(1)[8:])
    with pytest.raises(OutputMismatch, match="goes on in an unknown way"):
        attempt.state.read()


@pytest.mark.parametrize(
    "tile",
    [Tile(10, 41, 20, 52), Tile(11, 43, 20, 52), Tile(10, 42, 20, 84), Tile(10, 74, 20, 52)],
    ids=["lower", "shifted", "wider", "higher"],
)
def test_a_tile_that_is_no_block_is_refused(attempt: Attempt, tile: Tile) -> None:
    attempt.write(HEADER + black_tile(0, tile))
    with pytest.raises(OutputMismatch, match="which is no block"):
        attempt.state.read()


def test_a_message_is_as_long_as_povrays_own() -> None:
    tile = Tile(0, 32, 0, 32)
    assert len(black_tile(0, tile)) == 20 * tile.pixels + 244  # measured


def test_a_black_tile_is_black_and_opaque() -> None:
    tile = Tile(0, 2, 0, 3)
    assert black_tile(1, tile) == tile_message(1, tile, bytes(20 * 6))


def test_nothing_is_left_of_a_state_file_that_is_closed(attempt: Attempt) -> None:
    attempt.output.with_suffix(".pov-state").unlink()  # as POV-Ray does at its end
    attempt.state.close()
    assert list(attempt.output.parent.iterdir()) == []


def test_a_povray_that_goes_on_is_told_all_blocks_but_its_own(attempt: Attempt) -> None:
    own = GRID.tile(row=1, rows=2, column=1, columns=1)
    attempt.state.confine(own)
    told = attempt.theirs.read_bytes()
    assert told.startswith(b"POV-Ray Render State File\0\0\0" + b"0001")
    assert len(told) == 512 + 7 * len(tile_message(0, Tile(0, 1, 0, 1), bytes(20)))
    marks = StateFile(attempt.output.with_name("reader.png"), Grid(AREA, 1))
    attempt.output.with_name("reader.state").write_bytes(told)
    places = [GRID.tile_of(block) for block in (0, 1, 2, 3, 5, 6, 8)]
    pixels = [(tile.start - AREA.start) * AREA.width + tile.left - AREA.left for tile in places]
    with closing(marks):
        assert blocks(marks.read()) == pixels  # the first pixel of each


def test_what_a_povray_was_told_is_not_taken_for_its_work(attempt: Attempt) -> None:
    attempt.state.confine(GRID.tile_of(4))
    assert attempt.state.header == attempt.theirs.read_bytes()[:512]
    assert attempt.state.read() == []
    attempt.write(message(4))
    assert blocks(attempt.state.read()) == [4]


def moved(message: bytes, **edges: int) -> bytes:
    """A tile's message that tells other edges of it."""
    data = bytearray(message)
    for edge, value in edges.items():
        struct.pack_into(">i", data, data.index(f"{edge:4}INT4".encode()) + 12, value)
    return bytes(data)


@pytest.mark.parametrize("at", [(-22, 0), (65, 0), (0, 80), (64, 80), (0, 96), (64, 96), (32, -20)])
def test_a_tile_outside_the_area_is_no_block(attempt: Attempt, at: tuple[int, int]) -> None:
    top, left = AREA.start + at[0], AREA.left + at[1]
    data = black_tile(0, Tile(0, 1, 0, 1))
    attempt.write(HEADER + moved(data, Top=top, Bott=top, Left=left, Righ=left))
    with pytest.raises(OutputMismatch, match="no block"):
        attempt.state.read()


@pytest.mark.parametrize(
    "edges", [{"Bott": 9}, {"Righ": 19}, {"Bott": -1}], ids=["height", "width", "negative"]
)
def test_a_tile_of_nothing_is_no_block(attempt: Attempt, edges: dict[str, int]) -> None:
    attempt.write(HEADER + moved(message(0), **edges))
    with pytest.raises(OutputMismatch, match="no block"):
        attempt.state.read()


def test_a_tile_of_other_pixels_than_its_own_is_refused(attempt: Attempt) -> None:
    tile = GRID.tile_of(4)
    attempt.write(HEADER + tile_message(4, tile, bytes(20 * tile.pixels - 4)))
    with pytest.raises(OutputMismatch, match=f"{5 * tile.pixels - 1} numbers"):
        attempt.state.read()


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-112, 131), st.binary(min_size=1, max_size=4)),
        min_size=1,
        max_size=4,
    )
)
@settings(deadline=None)
def test_what_is_written_over_a_file_is_refused_or_waited_for(
    faults: list[tuple[int, int, bytes]],
) -> None:
    from tempfile import TemporaryDirectory

    messages = [bytearray(message(block)) for block in (6, 8, 2)]
    for which, at, data in faults:  # 132 bytes stand before the pixels, 112 behind them
        place = at % len(messages[which])
        messages[which][place : place + len(data)] = data[: len(messages[which]) - place]
    with TemporaryDirectory() as folder:
        attempt = Attempt(Path(folder))
        attempt.write(HEADER + b"".join(messages))
        try:
            records = attempt.state.read()
        except OutputMismatch:
            records = []
        finally:
            attempt.state.close()
    for record in records:
        assert len(record.data) == len(message(record.block))
