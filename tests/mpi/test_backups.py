"""Runs in which a renderer stands still for ever, and no time limit is set."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from launchers import MPICH, OPENMPI4, OPENMPI5, Launcher
from mpi.fakes import Folder, complaints, expected, pixels


@pytest.mark.parametrize(
    ("launcher", "stream"), [(MPICH, "yes"), (OPENMPI4, "yes"), (OPENMPI5, "no")], ids=str
)
def test_another_rank_renders_what_one_never_finishes(
    launcher: Launcher, stream: str, tmp_path: Path
) -> None:
    scene = ("size = 8x96", "block = 8", f"stream = {stream}", "seconds = 0.05", "fault = hang:1")
    folder = Folder.with_scene(tmp_path, *scene)
    done = folder.render(launcher, 3, "-v")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(8, 96))
    assert [line for line in complaints(done.stderr) if not re.search(r"task \d+ \(", line)] == []
    assert folder.scratch_folders == []


def test_of_frames_too(tmp_path: Path) -> None:
    scene = ("size = 8x16", "block = 8", "seconds = 0.05", "frames = 1-6", "fault = hang:2")
    folder = Folder.with_scene(tmp_path, *scene)
    done = folder.render(MPICH, 3)
    assert done.returncode == 0, done.stderr
    frames = sorted(folder.path.glob("scene*.ppm"))
    assert len(frames) == 6
    for frame in frames:
        np.testing.assert_array_equal(pixels(frame), expected(8, 16))
    assert folder.scratch_folders == []
