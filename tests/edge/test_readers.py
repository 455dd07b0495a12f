"""The program without anybody who reads what it says."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mpirender.renderers.fake import pixel_row

SCENE = "size = 16x64\nblock = 8\nseconds = 0.02\n"


def gone_pipe() -> int:
    """Return the end of a pipe whose other end is closed."""
    end, mouth = os.pipe()
    os.close(end)
    return mouth


def gone_terminal() -> int:
    """Return a terminal that has been closed."""
    keyboard, screen = pty.openpty()
    os.close(keyboard)
    return screen


@pytest.mark.parametrize("is_heard", [True, False], ids=["output heard", "nothing heard"])
@pytest.mark.parametrize("mode", ["bar", "plain"])
@pytest.mark.parametrize("gone", [gone_pipe, gone_terminal])
def test_the_picture_is_written_where_nobody_reads(
    gone: Callable[[], int], mode: str, is_heard: bool, tmp_path: Path
) -> None:
    (tmp_path / "s.fake").write_text(SCENE)
    (tmp_path / "tmp").mkdir()
    file = gone()
    done = subprocess.run(
        [sys.executable, "-m", "mpirender", "s.fake", "-o", "s.ppm", "--progress", mode],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE if is_heard else file,
        stderr=file,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    os.close(file)
    assert done.returncode == 0
    assert done.stdout == (f"{tmp_path}/s.ppm\n".encode() if is_heard else None)
    rows = b"".join(pixel_row(row, 16, 8, range(16)) for row in range(64))
    assert (tmp_path / "s.ppm").read_bytes() == b"P6\n16 64\n255\n" + rows
    assert list((tmp_path / "tmp").iterdir()) == []
