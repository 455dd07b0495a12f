from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from unit.samples import job, result

from mpirender.errors import UsageError
from mpirender.images import Picture, read_picture, write_picture
from mpirender.messages import TilesDone
from mpirender.model import Job, PictureFormat, Task, Tile
from mpirender.snapshot import Snapshot

RGB16 = PictureFormat("png", "uint16", "RGB")


def still(folder: Path) -> Job:
    """16 x 24 pixels of the fake renderer, in blocks of 8 x 8."""
    return replace(job(output=folder / "out.ppm"), streams=True)


def tiles(*blocks: int) -> TilesDone:
    """Blocks as the fake renderer writes them: everywhere their number plus one."""
    records = [
        block.to_bytes(4, "big") + (192).to_bytes(4, "big") + bytes([block + 1]) * 192
        for block in blocks
    ]
    sizes = (200,) * len(blocks)
    pixels = b"".join(records)
    return TilesDone(0, 0, blocks, sizes, b"", 0, 0, pixels=pixels)


def shown(path: Path) -> list[int]:
    """The first value of every block."""
    return [int(value) for value in read_picture(path).pixels[::8, ::8, 0].ravel()]


def test_blocks_are_shown_where_they_lie(tmp_path: Path) -> None:
    snapshot = Snapshot(tmp_path / "s.png", still(tmp_path))
    snapshot.take_tiles(tiles(0, 3))
    snapshot.close()
    assert shown(snapshot.path) == [1, 0, 0, 4, 0, 0]


def test_the_file_is_refreshed_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    snapshot = Snapshot(tmp_path / "s.png", still(tmp_path))
    snapshot.step(0)
    assert not snapshot.path.exists()
    snapshot.take_tiles(tiles(0))
    snapshot.step(0)
    assert snapshot._thread
    snapshot._thread.join()
    assert shown(snapshot.path) == [1, 0, 0, 0, 0, 0]
    snapshot.take_tiles(tiles(1))
    snapshot.step(1)  # too early
    assert shown(snapshot.path) == [1, 0, 0, 0, 0, 0]
    snapshot.close()
    assert shown(snapshot.path) == [1, 2, 0, 0, 0, 0]


def test_pixels_of_any_depth_are_shown_with_eight_bits(tmp_path: Path) -> None:
    snapshot = Snapshot(tmp_path / "s.png", still(tmp_path))
    tile = result(Task(0, Tile(8, 16, 0, 16))).task.tile
    snapshot.take_pixels(tile, Picture(np.full((8, 16, 3), 0x80FF, np.uint16), RGB16))
    snapshot.close()
    assert shown(snapshot.path) == [0, 0, 0x80, 0x80, 0, 0]


def test_the_last_frame_of_an_animation_is_shown(tmp_path: Path) -> None:
    snapshot = Snapshot(tmp_path / "s.png", still(tmp_path))
    frame = tmp_path / "f.png"
    write_picture(frame, Picture(np.full((24, 16, 3), 0x40FF, np.uint16), RGB16))
    snapshot.take_frame(frame)
    snapshot.close()
    assert set(shown(snapshot.path)) == {0x40}


def test_a_frame_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    snapshot = Snapshot(tmp_path / "s.png", still(tmp_path))
    snapshot.take_frame(tmp_path / "none.png")
    snapshot.close()
    assert not snapshot.path.exists()


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"s\.mp4: expected one of \.png \.ppm \.bmp"):
        Snapshot(tmp_path / "s.mp4", still(tmp_path))
