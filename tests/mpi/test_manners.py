"""What a run prints, leaves behind, and refuses."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from launchers import LAUNCHERS, MPICH, OPENMPI4, OPENMPI5, Launcher, run
from mpi.fakes import Folder, complaints, expected, own_words, pixels

SCENE = ("size = 24x44", "block = 8")
every_launcher = pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)


# ------------------------------------------------------------------------------ standard output


@every_launcher
def test_standard_output_is_the_picture_and_nothing_else(
    launcher: Launcher, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = exit:0@1")
    done = folder.render(launcher, 3)
    assert done.stdout == f"{folder.picture}\n"


def test_quiet_runs_say_nothing_but_the_name_of_the_picture(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = exit:0@1")
    done = folder.render(MPICH, 3, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{folder.picture}\n", "")


def test_quiet_runs_tell_of_missing_rows(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = exit:1")
    done = folder.render(MPICH, 3, "-q", "--rows-per-task", "8", "--retries", "0")
    assert done.returncode == 4
    (complaint,) = complaints(done.stderr)
    assert "rows 8-15" in complaint


def test_verbose_runs_have_a_line_for_every_task(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(MPICH, 2, "-v", "--rows-per-task", "8")
    lines = [line for line in own_words(done.stderr) if line.startswith("mpirender: task ")]
    assert len(lines) == 6
    assert all(f"host {os.uname().nodename}, " in line for line in lines)


def test_debug_runs_say_nothing_of_what_libraries_do(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(MPICH, 2, "-vv", "--report", "report.html")
    assert done.returncode == 0, done.stderr
    assert any(": task 0: " in line for line in own_words(done.stderr))  # and its command
    assert "findfont" not in done.stderr


def test_progress_goes_to_standard_error(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "seconds = 0.3")
    done = folder.render(MPICH, 2, "--progress", "bar")
    assert done.returncode == 0
    assert "ranks busy" in done.stderr
    assert done.stdout == f"{folder.picture}\n"


# ---------------------------------------------------------------------------- what stays behind


@every_launcher
def test_nothing_is_left_but_the_picture(launcher: Launcher, tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    assert folder.render(launcher, 3).returncode == 0
    assert folder.scratch_folders == []
    assert folder.files == {folder.picture.name}


def test_keep_keeps_every_picture_and_log(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(MPICH, 2, "--keep", "--rows-per-task", "8")
    assert done.returncode == 0, done.stderr
    kept = [path.name for each in folder.scratch_folders for path in each.iterdir()]
    assert sorted(kept) == sorted(
        f"task-{task:06d}.1.{ending}" for task in range(6) for ending in ("log", "ppm")
    )


def test_only_logs_are_left_after_a_failure(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = torn:1@1")
    assert folder.render(MPICH, 1, "--rows-per-task", "8").returncode == 0
    (scratch,) = folder.scratch_folders
    assert {path.suffix for path in scratch.iterdir()} == {".log"}


def test_a_picture_of_that_name_is_replaced(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    folder.picture.write_text("old")
    assert folder.render(MPICH, 2).returncode == 0
    np.testing.assert_array_equal(pixels(folder.picture), expected(24, 44))


def test_names_may_have_blanks_and_quotation_marks(weird_folder: Path) -> None:
    folder = Folder.with_scene(weird_folder, *SCENE)
    picture = weird_folder / 'a "b" c.ppm'
    done = folder.render(MPICH, 2, "-o", picture)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{picture}\n"
    np.testing.assert_array_equal(pixels(picture), expected(24, 44))
    assert folder.scratch_folders == []


# ------------------------------------------------------------------------------- without a render


@every_launcher
@pytest.mark.parametrize(
    ("option", "said"), [("--help", "usage: mpirun -np N mpirender"), ("--version", "mpirender 0.")]
)
def test_questions_are_answered_once_and_all_ranks_end(
    launcher: Launcher, option: str, said: str, tmp_path: Path
) -> None:
    done = launcher.run(3, [option], timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(said) == 1
    assert own_words(done.stderr) == []


@pytest.mark.parametrize(
    ("launcher", "library"),
    [(OPENMPI4, "Open MPI v4"), (OPENMPI5, "Open MPI v5"), (MPICH, "MPICH")],
    ids=str,
)
def test_version_names_the_mpi_library(launcher: Launcher, library: str) -> None:
    done = run([launcher.python, "-m", "mpirender", "--version"], env=launcher.env)
    assert f"\nMPI: {library}" in done.stdout


@pytest.mark.parametrize("split", ["rows", "tiles"])
def test_dry_run_prints_tasks_that_cover_the_picture_and_renders_nothing(
    split: str, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(MPICH, 3, "--dry-run", "--split", split)
    assert done.returncode == 0, done.stderr
    heading, *lines = done.stdout.splitlines()
    assert heading == f"{folder.picture}: 24 x 44 pixels, 3 ranks"
    times = np.zeros((44, 24), int)
    for line in lines[0::2]:
        found = re.fullmatch(r"task \d+: rows (\d+)-(\d+), columns (\d+)-(\d+)", line)
        assert found, line
        start, stop, left, right = map(int, found.groups())
        times[start : stop + 1, left : right + 1] += 1
    assert (times == 1).all()
    assert all("renderers/fake" in line for line in lines[1::2])
    assert folder.files == set()
    assert folder.scratch_folders == []


# launcher, options, exit status, what is said
REFUSED = [
    (MPICH, ("nothing.fake",), 2, "no such scene: nothing.fake"),
    (MPICH, (), 2, "no scene given"),
    (MPICH, ("scene.fake", "--nonsense"), 2, "unrecognized arguments: --nonsense"),
    (OPENMPI4, ("scene.fake", "--nonsense"), 2, "unrecognized arguments: --nonsense"),
    (OPENMPI5, ("scene.fake", "--nonsense"), 2, "unrecognized arguments: --nonsense"),
    (MPICH, ("scene.fake", "-Q9"), 2, "unrecognized arguments: -Q9"),
    (MPICH, ("scene.fake", "--size", "0x10"), 2, "got '0x10', expected WxH"),
    (MPICH, ("scene.fake", "--retries", "-1"), 2, "--retries"),
    (MPICH, ("scene.fake", "--rows-per-task", "0"), 2, "got '0', expected a whole number from 1"),
    (MPICH, ("scene.fake", "--split", "spiral"), 2, "invalid choice: 'spiral'"),
    (MPICH, ("scene.fake", "--timeout", "0"), 2, "got '0', expected seconds, more than 0"),
    (MPICH, (".", "--renderer", "fake"), 2, "is a folder, expected a scene"),
    (MPICH, ("broken.fake",), 2, "not understood: colour = red"),
    (MPICH, ("scene.fake", "-o", "none/x.ppm"), 7, "no such folder: "),
    (OPENMPI4, ("scene.fake", "-o", "none/x.ppm"), 7, "no such folder: "),
    (OPENMPI5, ("scene.fake", "-o", "none/x.ppm"), 7, "no such folder: "),
    (MPICH, ("scene.fake", "-o", "."), 7, "is a folder, expected a file name"),
]


@pytest.mark.parametrize(
    ("launcher", "options", "status", "said"),
    REFUSED,
    ids=[f"{launcher}-{' '.join(options)}" for launcher, options, *_ in REFUSED],
)
def test_what_cannot_be_is_refused_once_and_all_ranks_end(
    launcher: Launcher, options: tuple[str, ...], status: int, said: str, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    (folder.path / "broken.fake").write_text("size = 8x8\ncolour = red\n")
    done = launcher.run(3, options, timeout=60, cwd=folder.path, env=folder.env)
    assert done.returncode == status, done.stderr
    (line,) = own_words(done.stderr)
    assert said in line
    assert done.stdout == ""
    assert folder.files == {"broken.fake"}
    assert folder.scratch_folders == []


# ------------------------------------------------------------------------- launchers and programs


@pytest.mark.parametrize(("launcher", "other"), [(MPICH, OPENMPI5), (MPICH, OPENMPI4)], ids=str)
def test_a_launcher_of_another_mpi_is_refused_once_with_the_cure(
    launcher: Launcher, other: Launcher, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    command = [
        *(str(launcher.mpirun), "-np", "3", *launcher.flags, *launcher.local_flags),
        *(str(other.python), "-m", "mpirender", folder.scene.name),
    ]
    env = {**other.env, **launcher.env, **folder.env}
    done = run(command, cwd=folder.path, env=env)
    assert done.returncode == 3, done.stderr
    (line,) = own_words(done.stderr)
    assert "MPICH's mpiexec started 3 ranks, but each is alone in its MPI world" in line
    assert str(other.python) in line
    assert done.stderr.count("start it with the mpirun that lies beside that python") == 1
    assert folder.files == set()


@pytest.mark.parametrize("launcher", [OPENMPI4, OPENMPI5], ids=str)
def test_a_launcher_that_mpich_refuses_leaves_nothing_behind(
    launcher: Launcher, tmp_path: Path
) -> None:
    """MPICH's library itself ends the process here, before anybody could say it better."""
    folder = Folder.with_scene(tmp_path, *SCENE)
    command = [
        *(str(launcher.mpirun), "-np", "3", *launcher.flags, *launcher.local_flags),
        *(str(MPICH.python), "-m", "mpirender", folder.scene.name),
    ]
    done = run(command, cwd=folder.path, env={**launcher.env, **folder.env})
    assert done.returncode != 0
    assert "unsupported PMI version" in done.stderr
    assert folder.files == set()
    assert folder.scratch_folders == []


@pytest.mark.parametrize("ranks", [0, 3])
def test_a_host_without_povray_is_told_how_to_install_it(ranks: int, tmp_path: Path) -> None:
    (tmp_path / "scene.pov").write_text("sphere { 0, 1 }\n")
    env = {"PATH": str(tmp_path)}
    if ranks:
        done = MPICH.run(ranks, ["scene.pov"], cwd=tmp_path, env=env)
    else:
        done = run([MPICH.python, "-m", "mpirender", "scene.pov"], cwd=tmp_path, env=env)
    assert done.returncode == 3, done.stderr
    assert own_words(done.stderr) == ["mpirender: POV-Ray: no program 'povray' on the PATH"]
    assert "apt-get install povray" in done.stderr
    assert "--program PATH" in done.stderr


# ---------------------------------------------------------------------------------------- disks


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 KiB with an old picture of 4 KiB on it."""
    if os.geteuid() != 0:
        pytest.fail("full disks need a file system of their own: run this as root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], check=True, timeout=9)
    try:
        (disk / "old.ppm").write_bytes(b"old" * 1000)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True, timeout=9)


@every_launcher
def test_a_full_disk_is_told_and_the_old_picture_is_untouched(
    launcher: Launcher, tiny_disk: Path, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, "size = 100x60")
    picture = tiny_disk / "old.ppm"
    done = folder.render(launcher, 2, "-o", picture)
    assert done.returncode == 7, done.stderr
    (line,) = complaints(done.stderr)
    assert line == f"mpirender: cannot write {picture}: No space left on device"
    assert "make room or choose another place with -o" in done.stderr
    assert [path.name for path in tiny_disk.iterdir()] == ["old.ppm"]
    assert picture.read_bytes() == b"old" * 1000
    assert done.stdout == ""


def test_a_disk_that_may_not_be_written_to_is_told_before_anything_is_rendered(
    tiny_disk: Path, tmp_path: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True, timeout=9)
    folder = Folder.with_scene(tmp_path, "size = 100x60", "fault = scene:0")
    done = folder.render(MPICH, 2, "-o", tiny_disk / "new.ppm")
    assert done.returncode == 7, done.stderr
    assert own_words(done.stderr) == [
        f"mpirender: cannot write to {tiny_disk}: Read-only file system"
    ]


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_full_disk_under_the_scratch_folders_is_a_failure_like_others(
    ranks: int, tiny_disk: Path, tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "run", tiny_disk)
    folder.path.mkdir()
    folder.scene.write_text("size = 100x60\nblock = 8\n")
    done = folder.render(MPICH, ranks)
    assert done.returncode == 4, done.stderr
    assert f"attempt 1, rank 0 on {os.uname().nodename}: " in done.stderr
    assert "No space left on device" in done.stderr  # the renderer's own words
    assert folder.files == set()
