"""The picture is the same for every launcher, number of ranks, size and way to cut it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from launchers import LAUNCHERS, MPICH, Launcher, run
from mpi.fakes import Folder, complaints, expected, own_words, pixels

every_launcher = pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)


@every_launcher
@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_the_picture_is_the_same_for_every_number_of_ranks(
    launcher: Launcher, ranks: int, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, "size = 50x75", "block = 16")
    done = folder.render(launcher, ranks)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(50, 75))
    assert complaints(done.stderr) == []
    assert re.fullmatch(
        rf"mpirender: \d+ tasks? on {ranks} ranks? in \d.*, ranks busy \d+ % of the time",
        "\n".join(own_words(done.stderr)),
    )


# width, height, block, ranks
SIZES = [
    (1, 1, 32, 1),
    (1, 1, 32, 4),  # more ranks than pixels
    (40, 1, 32, 3),  # one row
    (1, 40, 8, 3),  # one column
    (10, 3, 1, 4),  # fewer rows than ranks
    (30, 20, 32, 4),  # one block, more ranks than blocks
    (33, 97, 32, 2),  # neither divides
    (31, 31, 7, 3),
    (300, 2, 32, 3),  # wider than all else
]


@pytest.mark.parametrize(("width", "height", "block", "ranks"), SIZES)
@pytest.mark.parametrize("split", ["rows", "tiles", "auto"])
def test_every_pixel_is_there_for_odd_sizes(
    width: int, height: int, block: int, ranks: int, split: str, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, f"size = {width}x{height}", f"block = {block}")
    done = folder.render(MPICH, ranks, "--split", split)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(width, height))


@pytest.mark.parametrize(("rows", "tasks"), [("1", 6), ("8", 6), ("9", 3), ("24", 2), ("1000", 1)])
def test_rows_per_task_are_rounded_up_to_blocks(rows: str, tasks: int, tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 20x44", "block = 8")
    done = folder.render(MPICH, 2, "--split", "rows", "--rows-per-task", rows)
    assert done.returncode == 0, done.stderr
    assert f"mpirender: {tasks} task" in done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(20, 44))


def test_two_bytes_a_channel_are_kept(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 40x300", "bits = 16")
    done = folder.render(MPICH, 3)
    assert done.returncode == 0, done.stderr
    picture = pixels(folder.picture)
    assert picture.max() > 255
    np.testing.assert_array_equal(picture, expected(40, 300, bits=16))


def test_a_size_that_is_typed_counts_more_than_that_of_the_scene(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 640x480")
    assert folder.render(MPICH, 2, "--size", "21x34").returncode == 0
    np.testing.assert_array_equal(pixels(folder.picture), expected(21, 34))


def test_a_large_picture_travels_whole(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 700x500", "block = 100")
    done = folder.render(MPICH, 4, timeout=120)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(700, 500))


def test_without_a_launcher_one_rank_renders_the_same(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 50x75", "block = 16")
    command: list[str | Path] = [MPICH.python, "-m", "mpirender", folder.scene.name]
    done = run(command, cwd=folder.path, env=folder.env)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(50, 75))
    assert folder.scratch_folders == []
