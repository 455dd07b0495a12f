"""The child of the fake renderer, as a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mpirender.model import Tile
from mpirender.partition import Grid
from mpirender.renderers.fake import FakeStream, child


def render(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Render rows 8 to 23 of a picture of 20 x 24 pixels."""
    (folder / "a.fake").write_text("".join(f"{line}\n" for line in ("size = 20x24", *lines)))
    task = ("a.fake", "20x24", "--stream", "0", "1", "", "8,24,0,20", "out.ppm")
    argv = (sys.executable, "-I", "-S", child.__file__, *task)
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("costs", ["", "0 " * 9])
def test_every_block_is_written_once_in_reading_order(costs: str, tmp_path: Path) -> None:
    (tmp_path / "costs.txt").write_text(costs)
    done = render(tmp_path, "block = 8", *(["costs = costs.txt"] if costs else []))
    assert done.returncode == 0, done.stderr
    stream = FakeStream(tmp_path / "out.ppm", Grid(Tile(0, 24, 0, 20), 8))
    assert [record.block for record in stream.read()] == [3, 4, 5, 6, 7, 8]
    stream.close()


def test_every_block_must_have_its_cost(tmp_path: Path) -> None:
    (tmp_path / "costs.txt").write_text("0 0 0 0")
    assert render(tmp_path, "block = 8", "costs = costs.txt").returncode == 1
