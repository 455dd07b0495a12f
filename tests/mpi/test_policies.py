"""The picture is the same by whichever policy it is shared out, also when a rank fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from launchers import MPICH
from mpi.fakes import Folder, complaints, expected, pixels

from mpirender.policy import NAMES

every_policy = pytest.mark.parametrize("policy", NAMES)


@every_policy
@pytest.mark.parametrize("stream", ["yes", "no"])
def test_a_still_is_the_same_by_every_policy(policy: str, stream: str, tmp_path: Path) -> None:
    folder = Folder.with_scene(
        tmp_path, "size = 20x60", "block = 8", f"stream = {stream}", "seconds = 0.01"
    )
    done = folder.render(MPICH, 3, "--policy", policy)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(20, 60))
    assert complaints(done.stderr) == []


@every_policy
def test_every_frame_is_the_same_by_every_policy(policy: str, tmp_path: Path) -> None:
    folder = Folder.with_scene(
        tmp_path, "size = 20x30", "block = 8", "stream = yes", "frames = 1-7"
    )
    done = folder.render(MPICH, 3, "--policy", policy)
    assert done.returncode == 0, done.stderr
    for number in range(1, 8):
        picture = folder.picture.with_stem(f"scene{number}")
        np.testing.assert_array_equal(pixels(picture), expected(20, 30))


@pytest.mark.parametrize("policy", ["static", "cyclic", "awf"])
def test_what_has_failed_on_one_rank_is_done_by_another(policy: str, tmp_path: Path) -> None:
    folder = Folder.with_scene(
        tmp_path, "size = 20x60", "block = 8", "stream = yes", "fault = missing:1@1"
    )
    done = folder.render(MPICH, 3, "--policy", policy)
    assert done.returncode == 0, done.stderr
    assert ", attempt 1, rank " in done.stderr  # that it failed
    np.testing.assert_array_equal(pixels(folder.picture), expected(20, 60))
