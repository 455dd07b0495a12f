from __future__ import annotations

from pathlib import Path

import pytest

from mpirender.errors import WriteError
from mpirender.tilefile import TileFile


def test_records_stand_behind_the_header_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    tiles = TileFile(tmp_path / "tiles", b"header")
    tiles.append(b"two")
    tiles.append(memoryview(b"one"))
    tiles.close()
    assert tiles.path.read_bytes() == b"headertwoone"


def test_a_record_is_in_the_file_at_once(tmp_path: Path) -> None:
    tiles = TileFile(tmp_path / "tiles", b"")
    tiles.append(b"x" * 10)
    assert tiles.path.stat().st_size == tiles.size == 10
    tiles.close()


def test_what_was_there_before_is_gone(tmp_path: Path) -> None:
    (tmp_path / "tiles").write_bytes(b"old and long")
    TileFile(tmp_path / "tiles", b"new").close()
    assert (tmp_path / "tiles").read_bytes() == b"new"


def test_a_folder_that_is_not_there_is_told_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"cannot keep tiles in .*: No such file") as caught:
        TileFile(tmp_path / "none" / "tiles", b"")
    assert "TMPDIR" in (caught.value.hint or "")


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    tiles = TileFile(tmp_path / "tiles", b"")
    tiles.close()
    with Path("/dev/full").open("wb", buffering=0) as full:
        tiles._file = full  # type: ignore[assignment]
        with pytest.raises(WriteError, match="No space left on device"):
            tiles.append(b"x")
