"""Animations of the fake renderer: every frame is there, whatever fails, and movies of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from launchers import MPICH, OPENMPI4, OPENMPI5, Launcher
from movies.reading import decoded_rgb
from mpi.fakes import Folder, complaints, expected, own_words, pixels

WIDTH, HEIGHT = 20, 60  # 8 rows of 3 blocks
SCENE = (f"size = {WIDTH}x{HEIGHT}", "block = 8")
WHOLE = expected(WIDTH, HEIGHT)
FRAMES = [f"scene{number}.ppm" for number in range(1, 8)]


def folder_of(parent: Path, *lines: str, frames: str = "1-7") -> Folder:
    parent.mkdir(exist_ok=True)
    return Folder.with_scene(parent, *SCENE, f"frames = {frames}", *lines)


def frames_of(folder: Folder) -> list[str]:
    """Names of the frames that are there; each must be right."""
    names = sorted(name for name in folder.files if name.endswith(".ppm"))
    for name in names:
        np.testing.assert_array_equal(pixels(folder.path / name), WHOLE)
    return names


def divided(done: subprocess.CompletedProcess[str]) -> set[tuple[str, str]]:
    """Frames and rows of all tasks that are less than a frame, from what `-v` says."""
    tasks = re.findall(r"task \d+ \(frames (\S+), rows (\S+), columns", done.stderr)
    return {(frames, rows) for frames, rows in tasks if rows != f"0-{HEIGHT - 1}"}


@pytest.mark.parametrize("stream", ["yes", "no"])
@pytest.mark.parametrize(
    ("launcher", "ranks"),
    [*((MPICH, ranks) for ranks in (1, 2, 3, 4)), (OPENMPI5, 3), (OPENMPI4, 2)],
    ids=str,
)
def test_all_frames_are_there_for_every_number_of_ranks(
    launcher: Launcher, ranks: int, stream: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, f"stream = {stream}")
    done = folder.render(launcher, ranks)
    assert done.returncode == 0, done.stderr
    assert frames_of(folder) == sorted(folder.files) == FRAMES
    assert done.stdout.splitlines() == [str(folder.path / name) for name in FRAMES]
    assert complaints(done.stderr) == []
    assert folder.scratch_folders == []


def test_the_files_are_those_of_one_rank(tmp_path: Path) -> None:
    files = []
    for ranks in (1, 3):
        folder = folder_of(tmp_path / str(ranks))
        assert folder.render(MPICH, ranks).returncode == 0
        files.append([(folder.path / name).read_bytes() for name in frames_of(folder)])
    assert files[0] == files[1]


def test_many_cheap_frames_come_several_at_once(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, frames="1-40")
    done = folder.render(MPICH, 2, "-v")
    assert done.returncode == 0, done.stderr
    assert len(frames_of(folder)) == 40
    tasks = re.findall(r"task \d+ \(frames (\S+), rows", done.stderr)
    assert any("-" in frames for frames in tasks)  # though others may be taken over one by one


@pytest.mark.parametrize("fault", ["exit", "signal", "lie", "missing", "torn", "size"])
@pytest.mark.parametrize("stream", ["yes", "no"])
def test_fault_of_one_attempt_leaves_all_frames_whole(
    fault: str, stream: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, f"stream = {stream}", f"fault = {fault}:1@1")
    done = folder.render(MPICH, 2)
    assert done.returncode == 0, done.stderr
    assert frames_of(folder) == FRAMES


@pytest.mark.parametrize(
    ("launcher", "ranks", "stream", "fault"),
    [
        (MPICH, 2, "yes", "exit"),
        (OPENMPI5, 3, "yes", "exit"),
        (MPICH, 3, "no", "missing"),
        (MPICH, 1, "no", "torn"),
    ],
    ids=str,
)
def test_a_frame_that_always_fails_is_named_and_the_others_are_there(
    launcher: Launcher, ranks: int, stream: str, fault: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, f"stream = {stream}", f"fault = {fault}:1")
    policy = ("--policy", "ss") if stream == "yes" else ()  # nobody else does a part of the frame
    done = folder.render(launcher, ranks, "--movie", "m.mkv", "--retries", "1", *policy)
    assert done.returncode == 4, done.stderr
    there = frames_of(folder)
    assert there == [name for name in FRAMES if name != "scene2.ppm"]
    assert sorted(folder.files) == there  # and no movie, nor a part of one
    last = own_words(done.stderr)[-1]
    assert "1 frame of 7 are missing" in last or "1 frame of 7 is missing" in last
    assert re.search(r"missing: .*\b2\b", last), last


def test_what_was_a_movie_before_stays_where_a_frame_is_missing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "fault = missing:1")
    (folder.path / "m.mkv").write_text("old")
    done = folder.render(MPICH, 2, "--movie", "m.mkv", "--retries", "0")
    assert done.returncode == 4, done.stderr
    assert (folder.path / "m.mkv").read_text() == "old"


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_movie_is_there_with_its_frames(ranks: int, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "fault = missing:1@1")
    done = folder.render(MPICH, ranks, "--movie", "m.mkv", "--sheet", "sheet.png")
    assert done.returncode == 0, done.stderr
    assert frames_of(folder) == FRAMES
    assert folder.files == {*FRAMES, "m.mkv", "sheet.png"}
    assert [Path(line).name for line in done.stdout.splitlines()[-2:]] == ["m.mkv", "sheet.png"]


@pytest.mark.parametrize(("launcher", "ranks"), [(MPICH, 2), (OPENMPI5, 3)], ids=str)
def test_the_last_frame_is_divided_and_right(
    launcher: Launcher, ranks: int, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, "stream = yes", "seconds = 0.12", frames=f"1-{ranks + 1}")
    done = folder.render(launcher, ranks, "-v")
    assert done.returncode == 0, done.stderr
    assert frames_of(folder) == FRAMES[: ranks + 1]
    # -v tells what was handed out first, and the parts that were taken over
    parts = divided(done)
    assert parts, done.stderr
    assert {frames for frames, _ in parts} <= {str(number) for number in range(1, ranks + 2)}
    assert str(ranks + 1) in {frames for frames, _ in parts}


def test_one_frame_is_rendered_by_all_ranks(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "stream = yes", "seconds = 0.15", frames="7")
    done = folder.render(MPICH, 3, "-v")
    assert done.returncode == 0, done.stderr
    assert frames_of(folder) == ["scene7.ppm"]
    assert len(divided(done)) >= 2, done.stderr


def test_frames_are_never_divided_where_blocks_do_not_come_one_by_one(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "seconds = 0.8", frames="1-3")
    done = folder.render(MPICH, 2, "-v")
    assert done.returncode == 0, done.stderr
    assert frames_of(folder) == FRAMES[:3]
    assert divided(done) == set()


@pytest.mark.parametrize("stream", ["yes", "no"])
def test_every_nth_frame_comes_first(stream: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, f"stream = {stream}")
    done = folder.render(MPICH, 2, "--preview", "3", "-v")
    assert done.returncode == 0, done.stderr
    assert frames_of(folder) == FRAMES
    tasks = re.findall(rf"task (\d+) \(frames (\d+), rows 0-{HEIGHT - 1},", done.stderr)
    assert [frame for _, frame in sorted(tasks, key=lambda t: int(t[0]))] == list("1472356")


def test_fault_of_the_scene_ends_the_run(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "fault = scene:0", "fault = scene:1")
    done = folder.render(MPICH, 2, "--movie", "m.mkv")
    assert done.returncode == 4, done.stderr
    assert "no such colour" in done.stderr
    assert "m.mkv" not in folder.files


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_shot_without_frames_is_refused_beside_others(ranks: int, tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder.path / "still.fake").write_text("size = 8x8\n")
    shots = "".join(
        f'[[shot]]\nname = "{name}"\nscene = "{name}.fake"\n' for name in ("scene", "still")
    )
    (folder.path / "film.toml").write_text(f'[film]\noutput = "{{shot}}_##.ppm"\n{shots}')
    env = folder.env
    done = MPICH.run(ranks, ["film.toml"], cwd=folder.path, env=env)
    assert done.returncode == 2, done.stderr
    assert "shot still: no frames" in done.stderr


@pytest.mark.parametrize("launcher", [MPICH, OPENMPI5], ids=str)
def test_parts_of_a_long_movie_are_encoded_by_several_ranks(
    launcher: Launcher, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, frames="1-960")
    done = folder.render(launcher, 3, "--movie", "long.mkv", "-v")
    assert done.returncode == 0, done.stderr
    makers = re.findall(r"part\d+\.mkv: made by rank (\d)", done.stderr)
    assert len(makers) == 3  # and the last one on rank 0, as its frames came
    assert {"1", "2"} & set(makers)
    assert not [name for name in folder.files if name.startswith(".")]
    shown = decoded_rgb(folder.path / "long.mkv", size=(WIDTH, HEIGHT))
    assert len(shown) == 960
    assert all(np.array_equal(frame, WHOLE) for frame in shown)
