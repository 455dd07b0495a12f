"""Each fault that a renderer can have: what the user gets, and what is said."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from launchers import LAUNCHERS, MPICH, OPENMPI4, OPENMPI5, Launcher
from mpi.fakes import Folder, black_rows, complaints, expected, own_words, pixels

WIDTH, HEIGHT, BLOCK = 24, 44, 8
SCENE = (f"size = {WIDTH}x{HEIGHT}", f"block = {BLOCK}")
ONE_BLOCK_ROW = ("--rows-per-task", str(BLOCK))  # task 1 is rows 8 to 15, whatever the ranks
WHOLE = expected(WIDTH, HEIGHT)

WITH_TIMEOUT = ("--timeout", "3")

# launcher, ranks, fault, options, what is said of the failed attempt
FAULTS = [
    (MPICH, 1, "exit", (), "fake ended with exit status 1"),
    (MPICH, 2, "exit", (), "fake ended with exit status 1"),
    (OPENMPI4, 2, "exit", (), "fake ended with exit status 1"),
    (OPENMPI5, 3, "exit", (), "fake ended with exit status 1"),
    (MPICH, 3, "signal", (), "fake ended with signal SIGKILL"),
    (MPICH, 4, "hang", WITH_TIMEOUT, "over the time limit of 3.0 s"),
    (OPENMPI5, 2, "hang", WITH_TIMEOUT, "over the time limit of 3.0 s"),
    (MPICH, 1, "lie", (), "fake said 80% of its pixels, expected all"),
    (MPICH, 2, "missing", (), "no picture file"),
    (MPICH, 3, "empty", (), "is empty"),
    (MPICH, 4, "torn", (), "bytes of pixels, expected"),
    (MPICH, 2, "size", (), f"is {WIDTH}x{HEIGHT + 1}, expected {WIDTH}x{HEIGHT}"),
]
every_fault = pytest.mark.parametrize(
    ("launcher", "ranks", "fault", "options", "said"),
    FAULTS,
    ids=[f"{launcher}-{ranks}-{fault}" for launcher, ranks, fault, *_ in FAULTS],
)
every_launcher = pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)


@every_fault
def test_fault_of_one_attempt_leaves_no_trace_in_the_picture(
    launcher: Launcher, ranks: int, fault: str, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, f"fault = {fault}:1@1")
    done = folder.render(launcher, ranks, *ONE_BLOCK_ROW, *options)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), WHOLE)
    (complaint,) = complaints(done.stderr)
    assert "task 1 (rows 8-15, columns 0-23), attempt 1, rank " in complaint
    assert f" on {os.uname().nodename}: " in complaint
    assert said in complaint


@every_fault
def test_fault_of_every_attempt_leaves_its_rows_black_and_names_them(
    launcher: Launcher, ranks: int, fault: str, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, f"fault = {fault}:1")
    done = folder.render(launcher, ranks, *ONE_BLOCK_ROW, "--retries", "1", *options)
    assert done.returncode == 4, done.stderr
    picture = pixels(folder.picture)
    assert black_rows(picture) == list(range(8, 16))
    np.testing.assert_array_equal(picture[:8], WHOLE[:8])
    np.testing.assert_array_equal(picture[16:], WHOLE[16:])
    first, second, last = complaints(done.stderr)
    assert "attempt 1" in first and said in first
    assert "attempt 2" in second and said in second
    assert last == (
        f"mpirender: {folder.picture}: written, but black where nothing could be rendered:"
        " rows 8-15, columns 0-23"
    )
    assert "the same command tries again" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("retries", "attempts"), [("0", 1), ("2", 3), ("3", 4)])
def test_a_task_is_tried_once_more_for_each_retry(
    retries: str, attempts: int, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = exit:1")
    done = folder.render(MPICH, 4, *ONE_BLOCK_ROW, "--retries", retries)
    assert done.returncode == 4
    assert len(complaints(done.stderr)) == attempts + 1, done.stderr


def test_a_failed_task_goes_to_another_rank(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = exit:1@1", "fault = exit:1@2")
    done = folder.render(MPICH, 3, *ONE_BLOCK_ROW)
    assert done.returncode == 0, done.stderr
    first, second = complaints(done.stderr)
    assert first.partition(", rank ")[2][0] != second.partition(", rank ")[2][0]


def test_separate_gaps_are_all_named(tmp_path: Path) -> None:
    folder = Folder.with_scene(
        tmp_path, *SCENE, "fault = exit:1", "fault = torn:2", "fault = lie:5"
    )
    done = folder.render(MPICH, 4, *ONE_BLOCK_ROW, "--retries", "0")
    assert done.returncode == 4
    assert complaints(done.stderr)[-1].endswith(
        ": rows 8-23, columns 0-23; rows 40-43, columns 0-23"
    )
    assert black_rows(pixels(folder.picture)) == [*range(8, 24), *range(40, 44)]


def test_a_lost_tile_leaves_only_its_own_columns_black(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 240x16", "block = 8", "fault = exit:0")
    done = folder.render(MPICH, 3, "--split", "tiles", "--retries", "0")
    assert done.returncode == 4
    assert complaints(done.stderr)[-1].endswith(": rows 0-7, columns 0-79")  # a third of a row
    picture, whole = pixels(folder.picture), expected(240, 16)
    assert not picture[:8, :80].any()
    np.testing.assert_array_equal(picture[:8, 80:], whole[:8, 80:])
    np.testing.assert_array_equal(picture[8:], whole[8:])


@every_launcher
@pytest.mark.parametrize("ranks", [1, 4])
def test_fault_of_the_scene_is_said_once_and_ends_the_run(
    launcher: Launcher, ranks: int, tmp_path: Path
) -> None:
    faults = [f"fault = scene:{task}" for task in range(20)]
    folder = Folder.with_scene(tmp_path, *SCENE, "seconds = 0.2", *faults)
    folder.picture.write_text("old")
    done = folder.render(launcher, ranks)
    assert done.returncode == 4, done.stderr
    assert own_words(done.stderr) == ["mpirender: fake: line 3: no such colour"]
    assert done.stderr.count("no such colour") == 2  # the other one is the renderer's own line
    assert done.stdout == ""
    assert folder.picture.read_text() == "old"


@every_launcher
def test_another_version_of_the_renderer_ends_the_run_and_its_host_is_named(
    launcher: Launcher, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = version:1")
    done = folder.render(launcher, 3, *ONE_BLOCK_ROW)
    assert done.returncode == 3, done.stderr
    host = os.uname().nodename
    assert own_words(done.stderr) == [
        f"mpirender: fake on {host} is version 0.9, on rank 0's host 1.0"
    ]
    assert "install the same version on all hosts" in done.stderr
    assert not folder.picture.exists()


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_renderer_that_never_works_is_not_tried_for_every_task(
    ranks: int, tmp_path: Path
) -> None:
    faults = [f"fault = exit:{task}" for task in range(40)]
    folder = Folder.with_scene(tmp_path, "size = 8x320", "block = 8", *faults)
    done = folder.render(MPICH, ranks, *ONE_BLOCK_ROW)
    assert done.returncode == 4
    assert "fake ended with exit status 1" in complaints(done.stderr)[-1]
    assert len(complaints(done.stderr)) <= 5 * ranks, done.stderr
    assert folder.files == set()


def test_the_error_names_command_and_log_and_the_log_is_there(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = exit:0")
    done = folder.render(MPICH, 2, *ONE_BLOCK_ROW, "--retries", "0")
    (log,) = (line for line in done.stderr.splitlines() if line.startswith("  | log: "))
    host, _, path = log.removeprefix("  | log: ").partition(":")
    assert host == os.uname().nodename
    assert Path(path).read_text().startswith("version 1.0\n")
    (command,) = (line for line in done.stderr.splitlines() if line.startswith("  | command: "))
    assert str(folder.scene) in command
