"""Runs in which ranks send block by block what is finished: the same picture, and no work lost."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from launchers import LAUNCHERS, MPICH, OPENMPI4, OPENMPI5, Launcher
from mpi.fakes import Folder, black_rows, complaints, expected, own_words, pixels

WIDTH, HEIGHT, BLOCK = 20, 68, 8  # 3 blocks in a row, 9 rows of them
SCENE = (f"size = {WIDTH}x{HEIGHT}", f"block = {BLOCK}", "stream = yes")
WHOLE = expected(WIDTH, HEIGHT)
SLOWLY = "seconds = 0.15"  # a block: a rank that starts late has a fault all the same
WITH_TIMEOUT = ("--timeout", "3", "--policy", "fac")  # nobody begins anew what hangs

every_launcher = pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)

# launcher, ranks, fault, options, what is said of the failed attempt
FAULTS = [
    (MPICH, 2, "exit", (), "fake ended with exit status 1"),
    (OPENMPI4, 3, "exit", (), "fake ended with exit status 1"),
    (MPICH, 3, "signal", (), "fake ended with signal SIGKILL"),
    (OPENMPI5, 2, "signal", (), "fake ended with signal SIGKILL"),
    (MPICH, 4, "hang", WITH_TIMEOUT, "over the time limit of 3.0 s"),
    (MPICH, 2, "lie", (), "fake said 80% of its pixels, expected all"),
    (MPICH, 3, "missing", (), "1 block of the task"),
]
every_fault = pytest.mark.parametrize(
    ("launcher", "ranks", "fault", "options", "said"),
    FAULTS,
    ids=[f"{launcher}-{ranks}-{fault}" for launcher, ranks, fault, *_ in FAULTS],
)


@every_launcher
@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_the_picture_is_the_same_for_every_number_of_ranks(
    launcher: Launcher, ranks: int, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(launcher, ranks)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), WHOLE)
    assert complaints(done.stderr) == []
    assert folder.scratch_folders == []


@every_launcher
@pytest.mark.parametrize("fault", ["", "exit", "signal", "missing"])
def test_renderers_that_are_started_before_their_tasks_give_the_same(
    launcher: Launcher, fault: str, tmp_path: Path
) -> None:
    faults = (f"fault = {fault}:1@1",) if fault else ()
    folder = Folder.with_scene(tmp_path, *SCENE, "spares = yes", SLOWLY, *faults)
    done = folder.render(launcher, 3)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), WHOLE)
    assert bool(complaints(done.stderr)) == bool(fault)
    assert all(path.suffix == ".log" for path in folder.scratch.rglob("*") if path.is_file())
    assert bool(folder.scratch_folders) == bool(fault)


@pytest.mark.parametrize(
    ("width", "height", "block", "ranks"),
    [
        (1, 1, 32, 3),
        (40, 1, 32, 4),
        (1, 40, 8, 3),
        (30, 20, 32, 4),
        (31, 31, 7, 3),
        (33, 97, 32, 2),
    ],
)
def test_every_pixel_is_there_for_odd_sizes(
    width: int, height: int, block: int, ranks: int, tmp_path: Path
) -> None:
    scene = (f"size = {width}x{height}", f"block = {block}", "stream = yes")
    folder = Folder.with_scene(tmp_path, *scene)
    done = folder.render(MPICH, ranks)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(width, height))


@pytest.mark.parametrize("options", [("--rows-per-task", "8"), ("--split", "tiles")], ids=str)
def test_a_run_that_is_cut_by_hand_gives_the_same(options: tuple[str, ...], tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(MPICH, 3, *options)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), WHOLE)


def test_two_bytes_a_channel_are_kept(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 40x300", "bits = 16", "stream = yes")
    done = folder.render(MPICH, 3)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(40, 300, bits=16))


@every_fault
def test_fault_of_one_attempt_leaves_no_trace_in_the_picture(
    launcher: Launcher, ranks: int, fault: str, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, SLOWLY, f"fault = {fault}:1@1")
    done = folder.render(launcher, ranks, *options)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), WHOLE)
    (complaint,) = complaints(done.stderr)
    assert re.search(r"task 1 \(rows \d+-\d+, columns 0-19\), attempt 1, rank \d on ", complaint)
    assert f" on {os.uname().nodename}: " in complaint
    assert said in complaint


@pytest.mark.parametrize("fault", ["empty", "torn", "size"])
def test_a_picture_that_nobody_needs_may_be_broken(fault: str, tmp_path: Path) -> None:
    faults = [f"fault = {fault}:{task}" for task in range(9)]
    folder = Folder.with_scene(tmp_path, *SCENE, *faults)
    done = folder.render(MPICH, 2)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), WHOLE)
    assert complaints(done.stderr) == []


@pytest.mark.parametrize("fault", ["exit", "signal"])
def test_what_was_finished_before_a_fault_is_in_the_picture(fault: str, tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, f"fault = {fault}:3")
    done = folder.render(MPICH, 2, "--rows-per-task", "16", "--retries", "0")
    assert done.returncode == 4, done.stderr
    picture = pixels(folder.picture)
    assert black_rows(picture) == list(range(56, 64))  # task 3 is rows 48 to 63; half was there
    np.testing.assert_array_equal(picture[:56], WHOLE[:56])
    np.testing.assert_array_equal(picture[64:], WHOLE[64:])
    assert complaints(done.stderr)[-1].endswith(
        "black where nothing could be rendered: rows 56-63, columns 0-19"
    )


def test_only_what_is_missing_is_tried_again(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "seconds = 0.05", "fault = exit:1@1")
    done = folder.render(MPICH, 2, "-vv")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), WHOLE)
    assert "had been rendered before" not in done.stderr


@every_launcher
def test_fault_of_the_scene_is_said_once_and_ends_the_run(
    launcher: Launcher, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = scene:0", "fault = scene:1")
    folder.picture.write_text("old")
    done = folder.render(launcher, 2)
    assert done.returncode == 4, done.stderr
    assert own_words(done.stderr) == ["mpirender: fake: line 3: no such colour"]
    assert folder.picture.read_text() == "old"
    assert folder.scratch_folders == []


def test_a_rank_without_work_takes_over_what_a_slower_one_has_left(tmp_path: Path) -> None:
    scene = ("size = 8x192", "block = 8", "stream = yes", "seconds = 0.3", "fault = exit:1@1")
    folder = Folder.with_scene(tmp_path, *scene)
    done = folder.render(MPICH, 2, "-v")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(8, 192))
    finished = re.findall(r"task (\d+) \(", done.stderr)
    assert max(map(int, finished)) >= 3, done.stderr  # 0 and 1, the rest of 1, and a part of one
