"""Animations of any number of ranks have POV-Ray's own file names and pixels; and what is more."""

from __future__ import annotations

import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from launchers import MPICH, OPENMPI4, OPENMPI5, Launcher, run
from movies.reading import probe
from numpy.testing import assert_array_equal
from render.stills import Stage, assert_same, still

pytestmark = pytest.mark.usefixtures("povray")

MOVED = "moved_by_the_clock.pov"
SIZE = "+W48 +H36"


@dataclass(frozen=True)
class Case:
    """An animation, and what mpirender is told in its own words to do the same."""

    plain: str
    ours: str = ""
    ranks: int = 2
    launcher: Launcher = MPICH

    def __str__(self) -> str:
        return self.ours or self.plain


CASES = [
    Case(f"{MOVED} {SIZE} +KFF6", ranks=1),
    Case(f"{MOVED} {SIZE} +KFF6", ranks=3, launcher=OPENMPI5),
    Case("walk.ini", ranks=3),
    Case("walk.ini +A0.2 +FN16 +KI2 +KF0", launcher=OPENMPI4),
    Case("walk.ini[cyclic]"),
    Case("walk.ini[late]"),
    Case(f"{MOVED} {SIZE} +KFF8 +KC +SF3 +EF5"),
    Case(f"{MOVED} {SIZE} +KFF8 +SF0.3 +EF0.6"),
    Case(f"{MOVED} {SIZE} +KFI5 +KFF12 +SF2 +EF7"),
    Case(f"{MOVED} {SIZE} +KFI-2 +KFF3 +STP2"),
    Case(f"{MOVED} {SIZE} +KFF7 +STP3 +Oa7.png"),
    Case(f"{MOVED} {SIZE} +KFF3 +FJ"),
    Case(f"{MOVED} {SIZE} +KFF3 +FT +Oelsewhere/b.c"),
    Case(f"{MOVED} {SIZE} +KFF3 +SR9 +ER30 +FN8"),
    Case(
        f"{MOVED} +W64 +H48 +KFI2 +KFF6 +KI1 +KF2 +STP2",
        f"{MOVED} --size 64x48 --frames 2,4-6x2 --clock 1:2",
    ),
    Case("walk.ini +SF2 +EF3", "walk.ini --frames 2-3 --preview 2"),
    Case("walk.ini +SF4", "walk.ini --frames last"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_frames_are_those_of_povray_alone(case: Case, tmp_path: Path) -> None:
    for name in ("plain", "ours"):
        (tmp_path / name).mkdir()
    plain, ours = Stage(tmp_path / "plain"), Stage(tmp_path / "ours")
    with ThreadPoolExecutor(1) as beside:
        alone = beside.submit(plain.plain, *case.plain.split())
        typed = (case.ours or case.plain).split()
        done = ours.mpirender(case.launcher, case.ranks, typed)
        alone.result()
    assert done.returncode == 0, done.stderr
    assert plain.new_files
    assert ours.new_files == plain.new_files
    assert {Path(line) for line in done.stdout.splitlines()} == {
        ours.folder / name for name in ours.new_files
    }
    for name in sorted(ours.new_files):
        assert_same(ours.folder / name, still(plain.folder / name))
    assert ours.scratch_folders == []


def good(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert done.returncode == 0, done.stderr
    return done


def test_numbered_scenes_are_frames(tmp_path: Path) -> None:
    stage, plain = Stage(tmp_path), tmp_path / "plain"
    plain.mkdir()
    text = (stage.folder / MOVED).read_text()
    for number in (1, 2, 10):
        name = f"scene{number}"
        (stage.folder / f"{name}.pov").write_text(text.replace("2 * clock", str(number / 10)))
        argv = [f"+I{stage.folder}/{name}.pov", f"+O{plain}/{name}.png", *SIZE.split(), "-D"]
        assert run(["povray", *argv]).returncode == 0
    made = good(stage.mpirender(MPICH, 2, ["scene*.pov", *SIZE.split(), "--movie", "m.mkv"]))
    names = [f"scene{number}.png" for number in (1, 2, 10)]
    assert [Path(line).name for line in made.stdout.splitlines()] == [*names, "m.mkv"]
    for name in names:
        assert_same(stage.folder / name, still(plain / name))
    pattern = ["scene*.pov", *SIZE.split(), "-o", "elsewhere/f_##"]
    good(stage.mpirender(MPICH, 2, pattern))
    for number, name in enumerate(names, 1):
        assert_same(stage.folder / f"elsewhere/f_{number:02d}.png", still(plain / name))


FILM = f"""\
[film]
fps = 10
size = "48x36"
output = "{{shot}}_##.png"
[[shot]]
name = "one"
scene = "{MOVED}"
frames = "1-4"
[[shot]]
name = "two"
scene = "tracked.pov"
frames = "3-5"
priority = 1
[shot.tracks]
Ball = "3:0, 5:1"
[[movie]]
file = "film.mp4"
"""


def test_a_film_of_two_shots_with_a_track_and_a_movie(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    text = (stage.folder / MOVED).read_text()
    (stage.folder / "tracked.pov").write_text(text.replace("2 * clock", "2 * Ball"))
    (stage.folder / "film.toml").write_text(FILM)
    stage._before = stage._files()
    good(stage.mpirender(MPICH, 3, ["film.toml"]))
    names = {f"one_{n:02d}.png" for n in range(1, 5)} | {f"two_{n:02d}.png" for n in (3, 4, 5)}
    assert stage.new_files == {*names, "film.mp4"}
    movie = probe(stage.folder / "film.mp4")
    assert (movie.codec, movie.size, movie.rate) == ("h264", (48, 36), Fraction(10))
    assert len(movie.times) == 7
    # the ball of the track stands at 0, 0.5 and 1, as the clock of the other does
    plain = [MOVED, *SIZE.split()]
    for number, clock in ((3, 0), (4, 0.5), (5, 1)):
        stage.plain(*plain, f"+K{clock}", f"+Oelsewhere/k{number}.png")
        alone = still(stage.folder / f"elsewhere/k{number}.png")
        assert_same(stage.folder / f"two_{number:02d}.png", alone)


def test_a_still_is_a_shot_of_one_frame(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    shots = f"""\
film = {{ options = {SIZE.split()} }}
shot = [
  {{ name = "title", scene = "fine_edges.pov", output = "title.png" }},
  {{ name = "walk", scene = "{MOVED}", frames = "1-3", output = "walk_#.png" }},
]
movie = [{{ file = "film.mkv" }}]
"""
    (stage.folder / "film.toml").write_text(shots)
    stage._before = stage._files()
    good(stage.mpirender(MPICH, 2, ["film.toml"]))
    walk = {f"walk_{number}.png" for number in (1, 2, 3)}
    assert stage.new_files == {"title.png", *walk, "film.mkv"}
    assert len(probe(stage.folder / "film.mkv").times) == 4
    stage.plain("fine_edges.pov", *SIZE.split(), "+Oelsewhere/title.png")
    assert_same(stage.folder / "title.png", still(stage.folder / "elsewhere/title.png"))


def test_motion_blur_of_what_does_not_move_is_the_plain_frame(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    scene = ["fine_edges.pov", *SIZE.split(), "--frames", "1-2"]
    good(stage.mpirender(MPICH, 2, [*scene, "-o", "plain_#"]))
    good(stage.mpirender(MPICH, 2, [*scene, "-o", "blurred_#", "--motion-blur", "3"]))
    names = {f"{kind}_{number}.png" for kind in ("plain", "blurred") for number in (1, 2)}
    assert stage.new_files == names
    for number in (1, 2):
        one, other = (stage.folder / f"{kind}_{number}.png" for kind in ("plain", "blurred"))
        assert_array_equal(still(one).pixels, still(other).pixels)


def test_motion_blur_lies_between_the_frames(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    scene = [MOVED, *SIZE.split(), "--frames", "2", "+KFF3", "--track", "Off=1:0, 3:1"]
    good(stage.mpirender(MPICH, 2, [*scene, "--motion-blur", "2", "--shutter", "1", "-o", "b_#"]))
    parts = []
    for at, clock in enumerate((0.375, 0.625)):  # frame 1.75 and 2.25 of 1 to 3
        stage.plain(MOVED, *SIZE.split(), f"+K{clock}", f"+Oelsewhere/{at}.png")
        parts.append(still(stage.folder / f"elsewhere/{at}.png").pixels.astype(int))
    blurred = still(stage.folder / "b_2.png").pixels.astype(int)
    assert (blurred >= np.minimum(*parts) - 1).all()
    assert (blurred <= np.maximum(*parts) + 1).all()
    same = parts[0] == parts[1]
    assert_array_equal(blurred[same], parts[0][same])
    assert not same.all()


def test_jpeg_frames_go_into_the_movie_as_they_are(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    good(stage.mpirender(MPICH, 2, ["walk.ini", "+FJ", "--movie", "m.avi"]))
    copied = tmp_path / "packets"
    copied.mkdir()
    split: list[str | Path] = [
        "-i",
        stage.folder / "m.avi",
        "-c",
        "copy",
        "-f",
        "image2",
        copied / "%d.jpg",
    ]
    assert run(["ffmpeg", "-v", "error", *split]).returncode == 0
    frames = sorted(name for name in stage.new_files if name.endswith(".jpg"))
    assert len(frames) == len(list(copied.iterdir())) == 4
    for number, name in enumerate(frames, 1):
        original = (stage.folder / name).read_bytes()
        assert (copied / f"{number}.jpg").read_bytes() == original


# what one povray does while it renders; mkdir succeeds once. The question has no task's name.
KILLED = """\
#!/bin/sh
case " $* " in
  *task-*) if mkdir {once} 2>/dev/null; then
    {real} "$@" & child=$!
    sleep {after}
    kill -9 $child
    kill -9 $$
  fi;;
esac
exec {real} "$@"
"""


@pytest.mark.parametrize(("ranks", "after"), [(1, 0.2), (2, 0.2), (2, 0.5), (3, 0.7)])
def test_all_frames_are_the_same_where_a_povray_is_killed(
    ranks: int, after: float, povray: Path, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    stage, plain = Stage(tmp_path), Stage(tmp_path / "plain")
    programs = tmp_path / "programs"
    programs.mkdir()
    once = tmp_path / "once"
    quoted = {"once": shlex.quote(str(once)), "real": shlex.quote(str(povray))}
    (programs / "povray").write_text(KILLED.format(after=after, **quoted))
    (programs / "povray").chmod(0o755)
    plain.plain("walk.ini")
    good(stage.mpirender(MPICH, ranks, ["walk.ini", "--movie", "m.mkv"], path=programs))
    assert once.exists()
    assert stage.new_files == {*plain.new_files, "m.mkv"}
    for name in plain.new_files:
        assert_same(stage.folder / name, still(plain.folder / name))
    assert len(probe(stage.folder / "m.mkv").times) == 4
