"""Animations and stills of .blend scenes have Blender's own names and pixels."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from movies.reading import probe
from render.blends import Desk, alone, assert_same_pixels, make_blends, requests
from render.stills import results, still

from mpirender.process import clean_environment
from mpirender.renderers.blender.play import Play, argv_of
from mpirender.session import Session

STILLS = ("layers", "adaptive", "compositor_blur", "workbench")
NAMES = (
    *("plain", "movie", "compositor_time", "two_scenes", "two_cameras", "percent"),
    *("scripted", "failing"),
)
BROKEN = ("no_camera", "texture_missing", "library_missing", "denoised", "stereo")
SIMULATED = ("unbaked", "smoke")


@pytest.fixture(scope="module")
def blends(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_blends(tmp_path_factory.mktemp("blends"), (*NAMES, *STILLS, *BROKEN, *SIMULATED))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@dataclass(frozen=True)
class Case:
    """A scene, the options that both get, and how many ranks."""

    name: str
    options: str = "-s 2 -e 4 -a"
    ranks: int = 2

    def __str__(self) -> str:
        return f"{self.name} {self.options}"


@pytest.mark.parametrize(
    "case",
    [
        Case("plain", "-a", ranks=3),
        Case("plain", "-F OPEN_EXR -f 1,3..4", ranks=1),
        Case("compositor_time"),
        Case("two_scenes", "-S first -f 2"),
        Case("two_cameras", "-s 3 -e +0 -j 2 -a"),
        Case("percent", "-F TIFF -f 2,3"),
        Case("unbaked", "-s 2 -e 6 -a", ranks=3),
        Case("unbaked", "-e 5 -j 2 -a"),
        Case("smoke", "-s 2 -e 5 -a"),
    ],
    ids=str,
)
def test_frames_are_those_of_blender_alone(case: Case, blends: Path, desk: Desk) -> None:
    scene, options = blends / f"{case.name}.blend", case.options.split()
    alone(scene, f"{desk.folder}/alone_##", *options)
    theirs = list(desk.folder.iterdir())
    done = desk.render(case.ranks, scene, "-o", "ours_##", *options)
    assert done.returncode == 0, done.stderr
    ours = [desk.folder / Path(line).name for line in done.stdout.splitlines()]
    assert {p.name.replace("ours", "alone") for p in ours} == {p.name for p in theirs}
    assert_same_pixels(ours, theirs)
    assert desk.scratch_files == []


@pytest.mark.parametrize(
    "case",
    [
        Case("plain", "-f 3", ranks=3),
        Case("layers", "-F OPEN_EXR_MULTILAYER -f 1", ranks=2),
        Case("adaptive", "-F OPEN_EXR -f 5", ranks=3),
        Case("compositor_blur", "-F JPEG -f 2", ranks=2),
    ],
    ids=str,
)
def test_a_still_of_several_ranks_is_that_of_blender_alone(
    case: Case, blends: Path, desk: Desk, tmp_path: Path
) -> None:
    scene, options = blends / f"{case.name}.blend", case.options.split()
    alone(scene, f"{desk.folder}/alone_##", *options)
    theirs, report = list(desk.folder.iterdir()), tmp_path / "report"
    done = desk.render(case.ranks, scene, "-o", "ours_##", *options, "--report", report)
    assert done.returncode == 0, done.stderr
    *pictures, page = done.stdout.splitlines()
    assert Path(page).is_relative_to(report)
    assert_same_pixels([desk.folder / Path(line).name for line in pictures], theirs)
    (run,) = results(report).runs
    assert {attempt.rank for attempt in run.attempts} == set(range(case.ranks))
    assert desk.scratch_files == []


def test_parts_of_the_samples_add_up_to_the_picture(blends: Path, desk: Desk) -> None:
    scene, options = blends / "plain.blend", ("-F", "OPEN_EXR", "-f", "3")
    alone(scene, f"{desk.folder}/alone_##", *options)
    done = desk.render(3, scene, "-o", "ours.exr", *options, "--split", "samples", "-v")
    assert done.returncode == 0, done.stderr
    ours, theirs = (still(desk.folder / name) for name in ("ours.exr", "alone_03.exr"))
    assert np.abs(ours.pixels - theirs.pixels).max() < 1e-5
    assert len(re.findall(r"task \d+ \(frames 3, .*attempt 1", done.stderr)) >= 3


def test_samples_that_do_not_add_up_are_refused(blends: Path, desk: Desk) -> None:
    done = desk.render(1, blends / "adaptive.blend", "-f", "1", "--split", "samples")
    told = "mpirender: --split samples: not exact: adaptive sampling gives each pixel a number"
    assert (done.returncode, done.stderr.startswith(told)) == (2, True), done.stderr


def test_a_still_that_cannot_be_cut_is_rendered_by_one_rank_and_the_rest_is_told(
    blends: Path, desk: Desk
) -> None:
    done = desk.render(2, blends / "workbench.blend", "-f", "1", "--dry-run")
    told = "workbench.blend: frames are not cut, so that 1 rank will have nothing to do: BLENDER_"
    assert f"mpirender: {told}" in done.stderr
    (asked,) = requests(done.stdout)
    assert asked["do"] == "frames"
    assert "; frames are not cut: BLENDER_WORKBENCH" in done.stdout


def test_a_plain_command_renders_the_range_of_the_scene_to_where_it_says(
    blends: Path, desk: Desk
) -> None:
    scene = make_blends(desk.folder, ["plain"], "--size", "24x16") / "plain.blend"
    done = desk.render(2, scene)
    assert done.returncode == 0, done.stderr
    names = [f"{desk.folder}/frames/000{n}.png" for n in range(1, 7)]
    assert done.stdout.splitlines() == names
    assert all(Path(name).is_file() for name in names)


def test_one_frame_goes_to_the_very_name_that_was_typed(blends: Path, desk: Desk) -> None:
    scene = blends / "plain.blend"
    done = desk.render(1, scene, "-f", "3", "-o", "still.png", "--size", "24x16", "-q")
    assert (done.stdout, done.stderr) == (f"{desk.folder}/still.png\n", "")


def test_a_scene_that_makes_a_movie_gets_frames_and_a_movie(blends: Path, desk: Desk) -> None:
    scene = blends / "movie.blend"
    done = desk.render(2, scene, "-o", "walk_", "-e", "3", "--size", "64x48")
    assert done.returncode == 0, done.stderr
    assert desk.files == ["walk_0001-0003.mkv", *(f"walk_000{n}.png" for n in range(1, 4))]
    movie = probe(desk.folder / "walk_0001-0003.mkv")
    assert (movie.size, movie.rate, len(movie.times)) == ((64, 48), Fraction(12), 3)


def test_scripts_in_a_file_run_when_they_are_let(blends: Path, desk: Desk) -> None:
    scene = blends / "scripted.blend"
    trace = {path.name for path in blends.iterdir()}
    for options in ((), ("--allow-scripts",)):
        assert {path.name for path in blends.iterdir()} == trace
        done = desk.render(1, scene, "-f", "1", "-o", "a.png", "--size", "8x8", *options)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in blends.iterdir()} > trace


def test_a_blender_that_dies_is_started_again(blends: Path, desk: Desk) -> None:
    count = "echo >>$0.starts"
    die = "[ $(wc -l <$0.starts) != 2 ] || { read line; kill -9 $$; }"
    program = desk.program("fragile", count, die)
    options = ("--size", "24x16", "-o", "f##", "-e", "2", "--program", str(program))
    apart = ("--device", "cpu")  # so that the one of the question, the first, is not the rank's too
    done = desk.render(1, blends / "plain.blend", *options, *apart)
    assert done.returncode == 0, done.stderr
    told = "task 0 .* attempt 1, .*Blender ended with signal SIGKILL"
    assert re.search(told, done.stderr), done.stderr
    assert (desk.folder.parent / "fragile.starts").read_text() == "\n" * 3
    assert desk.files == ["f01.png", "f02.png"]


def test_every_rank_starts_blender_once(blends: Path, desk: Desk) -> None:
    program = desk.program("counted", "echo >>$0.starts")
    options = ("-o", "f##", "-s", "2", "-e", "5", "--program", str(program))
    done = desk.render(2, blends / "plain.blend", *options)
    assert done.returncode == 0, done.stderr
    assert (desk.folder.parent / "counted.starts").read_text() == "\n" * 2
    assert desk.scratch_files == []


def test_a_script_that_fails_is_told(blends: Path, desk: Desk) -> None:
    scene = blends / "failing.blend"
    done = desk.render(1, scene, "-f", "1", "-o", "a.png", "--size", "8x8", "--allow-scripts")
    assert done.returncode == 0, done.stderr
    place = f"{scene}/on_load.py, line 2"
    told = f"mpirender: {scene}: a script in the file failed: ValueError: no ball ({place}); "
    assert done.stderr.startswith(told)


@pytest.mark.parametrize(
    ("scene", "options", "status", "told"),
    [
        ("none.blend", "", 2, "no such scene: {scene}"),
        ("junk.blend", "", 4, "Blender cannot open it: "),
        ("plain.blend", "-s 5 -e 3", 2, "no frames: the first is 5, the last 3"),
        ("plain.blend", "-E NOPE", 2, "no engine NOPE, this Blender has: "),
        ("plain.blend", "--camera moon", 2, "--camera moon: not in the file, which has: "),
        ("plain.blend", "--program /no/blender", 3, "Blender: no program '/no/blender'"),
        ("no_camera.blend", "", 4, "{scene}: scene Scene has no camera"),
        ("texture_missing.blend", "", 4, "{scene}: files are missing (1), such as "),
        ("library_missing.blend", "", 4, "{scene}: files are missing (1), such as "),
        ("denoised.blend", "", 3, "{scene} asks for the denoiser, but this Blender was built"),
        ("stereo.blend", "", 2, "{scene}: a file for each eye is not supported"),
    ],
)
def test_what_cannot_be_rendered_is_refused_in_one_line(
    scene: str, options: str, status: int, told: str, blends: Path, desk: Desk
) -> None:
    path = blends / scene
    if scene == "junk.blend":
        path.write_bytes(b"BLENDER-v304 and nothing behind it")
    done = desk.render(1, path, *options.split())
    lines = [line for line in done.stderr.splitlines() if not line.startswith("  ")]
    assert done.returncode == status, done.stderr
    assert len(lines) == 1
    assert lines[0].startswith("mpirender: " + told.format(scene=path)), lines
    assert (done.stdout, desk.files, desk.scratch_files) == ("", [], [])


def test_what_ranks_cannot_share_is_told(blends: Path, desk: Desk) -> None:
    done = desk.render(2, blends / "unbaked.blend", "--dry-run")
    assert "simulations without a cache of all frames: cloth: Cloth, rigid bodies" in done.stderr


def test_a_simulation_begins_anew_for_a_frame_before(blends: Path, desk: Desk) -> None:
    scene = blends / "unbaked.blend"
    alone(scene, f"{desk.folder}/alone_#", "-s", "3", "-e", "5", "-a")
    session = Session(
        argv_of("blender", threads=1, scripts=False),
        directory=desk.folder,
        environment=clean_environment(os.environ),
        log=desk.scratch / "session.log",
    )
    play = Play(str(scene), False, {}, played=[3, 4, 5]).for_blender(1)
    ours = [desk.folder / f"ours_{frame}.png" for frame in (5, 3)]
    with closing(session):
        for path, frame in zip(ours, (5, 3), strict=True):
            request = {"do": "frames", "frames": [[frame, str(path)]], "play": play}
            sitting = session.begin(json.dumps(request), desk.scratch / "log")
            end = time.monotonic() + 60
            while sitting.poll() is None:
                assert time.monotonic() < end, sitting.last_lines
                time.sleep(0.02)
    assert_same_pixels(ours, [desk.folder / f"alone_{frame}.png" for frame in (3, 5)])


def test_check_says_what_will_be_done(blends: Path, desk: Desk) -> None:
    done = desk.render(1, "check", blends / "workbench.blend", "-f", "2")
    assert "  frames are not cut: BLENDER_WORKBENCH looks at what else" in done.stdout
    assert "any number of ranks gives blender's own picture" in done.stdout


def test_a_plan_is_refused(blends: Path, desk: Desk) -> None:
    done = desk.render(1, "plan", blends / "plain.blend", "-np", "4")
    told = "mpirender: what a scene of blender's costs cannot be foretold"
    assert (done.returncode, done.stderr.startswith(told)) == (2, True), done.stderr
