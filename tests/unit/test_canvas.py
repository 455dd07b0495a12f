from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from unit.samples import job

from mpirender.canvas import Canvas
from mpirender.errors import RendererFailed, SetupError
from mpirender.images import read_picture
from mpirender.messages import TilesDone
from mpirender.model import PictureFormat, Tile
from mpirender.partition import Grid
from mpirender.renderers.fake.renderer import FakeLastPass

GRID = Grid(Tile(0, 24, 0, 16), 8)  # three rows of two blocks
HEADER = b"tiles of the fake renderer\n"
PPM = PictureFormat("ppm", "uint8", "RGB")


@pytest.fixture
def canvas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    canvas = Canvas(replace(job(output=tmp_path / "out.ppm"), streams=True))
    yield canvas
    canvas.close()


def tiles(*blocks: int, value: int | None = None) -> TilesDone:
    """Blocks in the fake renderer's own format: everywhere their number plus one."""
    records = []
    for block in blocks:
        data = bytes([block + 1 if value is None else value]) * (3 * GRID.tile_of(block).pixels)
        records.append(block.to_bytes(4, "big") + len(data).to_bytes(4, "big") + data)
    return TilesDone(
        0,
        0,
        blocks,
        sizes=tuple(map(len, records)),
        header=HEADER,
        setup_seconds=0,
        pretrace_seconds=0,
        pixels=b"".join(records),
    )


def by_block(canvas: Canvas) -> list[int]:
    """The value of each block of the picture."""
    pixels: NDArray[np.generic] = read_picture(canvas.output).pixels
    return [int(pixels[GRID.tile_of(b).start, GRID.tile_of(b).left, 0]) for b in range(6)]


def test_tiles_become_the_picture_in_whatever_order_they_come(canvas: Canvas) -> None:
    assert canvas.take_tiles(tiles(3, 5)) == [3, 5]
    canvas.take_tiles(tiles(0, 1, 2, 4))
    assert canvas.missing == set()
    canvas.wait_for_picture()
    assert by_block(canvas) == [1, 2, 3, 4, 5, 6]


def test_a_tile_that_comes_twice_is_kept_once(
    canvas: Canvas, caplog: pytest.LogCaptureFixture
) -> None:
    canvas.take_tiles(tiles(0, 1, 2))
    with caplog.at_level(logging.DEBUG):
        assert canvas.take_tiles(tiles(1, 2, 3, 4, 5, value=99)) == [3, 4, 5]
    assert caplog.messages == ["2 blocks had been rendered before"]
    canvas.wait_for_picture()
    assert by_block(canvas) == [1, 2, 3, 99, 99, 99]


def test_what_is_missing_is_black_and_told(canvas: Canvas) -> None:
    canvas.take_tiles(tiles(0, 1, 4))
    canvas.wait_for_picture()
    assert by_block(canvas) == [1, 2, 0, 0, 5, 0]
    assert list(canvas.gaps()) == [Tile(8, 16, 0, 16), Tile(16, 24, 8, 16)]


def test_pixels_lie_in_the_picture_of_the_tiles(canvas: Canvas) -> None:
    canvas.take_tiles(tiles(0, 1, 4, 5))
    canvas.take_pixels(Tile(8, 16, 0, 16), PPM, np.full((8, 16, 3), 77, "uint8"))
    assert canvas.missing == set()
    canvas.wait_for_picture()
    assert by_block(canvas) == [1, 2, 77, 77, 5, 6]


def test_pixels_alone_are_a_picture(canvas: Canvas) -> None:
    canvas.take_pixels(Tile(0, 24, 0, 16), PPM, np.full((24, 16, 3), 7, "uint8"))
    canvas.wait_for_picture()
    assert by_block(canvas) == [7] * 6


def test_pixels_that_are_there_are_not_taken_again(canvas: Canvas) -> None:
    sent = canvas.take_pixels(Tile(0, 16, 0, 16), PPM, np.full((16, 16, 3), 7, "uint8"))
    again = canvas.take_pixels(Tile(8, 24, 0, 16), PPM, np.full((16, 16, 3), 8, "uint8"))
    assert (sent, again) == (256, 128)
    canvas.wait_for_picture()
    assert by_block(canvas) == [7, 7, 7, 7, 8, 8]


def test_tiles_that_are_there_are_kept_where_pixels_come(canvas: Canvas) -> None:
    canvas.take_tiles(tiles(*range(5)))
    assert canvas.take_pixels(Tile(16, 24, 0, 16), PPM, np.full((8, 16, 3), 77, "uint8")) == 64
    canvas.wait_for_picture()
    assert by_block(canvas) == [1, 2, 3, 4, 5, 77]


def failing(times: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the renderer fail in as many last passes; return where what becomes of them is noted."""
    done: list[str] = []
    real = FakeLastPass.poll

    def poll(self: FakeLastPass) -> Path:
        done.append("failed" if len(done) < times else "made")
        if done[-1] == "failed":
            raise RendererFailed("fake could not write the picture")
        return real(self)

    monkeypatch.setattr(FakeLastPass, "poll", poll)
    return done


def test_a_last_pass_that_fails_is_tried_again(
    canvas: Canvas, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done = failing(2, monkeypatch)
    canvas.take_tiles(tiles(*range(5)))
    canvas.wait_for_picture()
    assert by_block(canvas) == [1, 2, 3, 4, 5, 0]
    assert done == ["failed", "failed", "made"]
    assert caplog.messages == ["fake could not write the picture; it is tried again"] * 2


def test_a_last_pass_is_tried_no_oftener_than_a_task(
    canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = failing(9, monkeypatch)
    canvas.take_tiles(tiles(*range(6)))
    with pytest.raises(RendererFailed, match="could not write"):
        canvas.wait_for_picture()
    assert done == ["failed"] * 3
    assert not canvas.output.exists()


def test_a_scratch_folder_that_is_gone_is_told(canvas: Canvas) -> None:
    canvas.take_tiles(tiles(*range(6)))
    shutil.rmtree(next((canvas.output.parent / "tmp").iterdir()))
    with pytest.raises(SetupError, match=r"cannot work in .*: No such file"):
        canvas.wait_for_picture()


def test_a_closed_canvas_leaves_its_picture_and_nothing_else(canvas: Canvas) -> None:
    canvas.take_tiles(tiles(*range(6)))
    canvas.wait_for_picture()
    canvas.close()
    folder = canvas.output.parent
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["out.ppm"]
    assert list((folder / "tmp").iterdir()) == []


def test_a_canvas_that_is_closed_early_leaves_nothing(canvas: Canvas) -> None:
    canvas.take_tiles(tiles(2))
    canvas.close()
    canvas.close()
    assert [path for path in canvas.output.parent.rglob("*") if path.is_file()] == []
