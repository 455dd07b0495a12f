"""Blender as a Python module, in two versions, and the scene that ships with the program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from launchers import MPICH, ROOT, Launcher, run
from movies.reading import probe
from render.blenders import BLENDERS, BPY42, BPY45, Blender, make
from render.blends import Desk, alone, assert_same_pixels

CRADLE = ROOT / "mpirender" / "scenes" / "cradle.blend"
MODULES = (BPY42, BPY45)
# the environment of a user who has installed all by pip
PIP = Launcher(name="bpy45", folder="bpy45")


@pytest.fixture(scope="module")
def blends(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blends")
    make(folder, ("plain", "denoised", "movie", "texture_missing", "no_camera"))
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def frames_alone(blender: Blender, scene: Path, folder: Path) -> Iterable[Path]:
    """Return frames 2 and 3 as a Blender alone writes them."""
    done = run(blender.render(scene, folder / "####", 2, 3), timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder.iterdir()


@pytest.mark.parametrize("blender", MODULES, ids=str)
@pytest.mark.parametrize("name", ["plain", "denoised"])
def test_frames_are_those_of_the_module_alone(
    name: str, blender: Blender, blends: Path, desk: Desk, tmp_path: Path
) -> None:
    scene = blends / f"{name}.blend"
    words = ("--program", blender.program, "--frames", "2-3", "-o", "f_##")
    done = desk.render(2, scene, *words, "--movie", "m.mkv")
    assert done.returncode == 0, done.stderr
    assert desk.files == ["f_02.png", "f_03.png", "m.mkv"]
    ours = desk.folder.glob("*.png")
    assert_same_pixels(ours, frames_alone(blender, scene, tmp_path / "alone"))
    assert len(probe(desk.folder / "m.mkv").times) == 2
    assert desk.scratch_files == []


def test_without_a_blender_the_module_of_the_own_environment_is_used(
    blends: Path, desk: Desk, tmp_path: Path
) -> None:
    scene = blends / "plain.blend"
    env = {"PATH": str(PIP.venv / "bin"), "TMPDIR": str(desk.scratch)}
    done = PIP.run(2, [scene, "-f", "2,3", "-o", "f_##"], cwd=desk.folder, env=env)
    assert done.returncode == 0, done.stderr
    ours = desk.folder.glob("*.png")
    assert_same_pixels(ours, frames_alone(BPY45, scene, tmp_path / "alone"))


def test_without_any_blender_it_is_told_what_to_install(blends: Path, desk: Desk) -> None:
    env = {"PATH": str(MPICH.venv / "bin"), "TMPDIR": str(desk.scratch)}
    done = MPICH.run(1, [blends / "plain.blend", "-o", "a.png"], cwd=desk.folder, env=env)
    assert done.returncode == 3, done.stderr
    assert "no program 'blender'" in done.stderr
    assert "pip install 'mpirender[blender]'" in done.stderr
    assert desk.files == []


@pytest.mark.parametrize(
    ("scene", "told"),
    [("texture_missing", "files are missing (1), such as "), ("no_camera", "no camera")],
)
def test_a_module_is_asked_before_anything_is_rendered(
    scene: str, told: str, blends: Path, desk: Desk
) -> None:
    words = ("--program", BPY45.program, "-o", "f_##")
    done = desk.render(2, blends / f"{scene}.blend", *words)
    assert done.returncode == 4, done.stderr
    assert told in done.stderr
    assert desk.files == []


@pytest.mark.parametrize("blender", BLENDERS, ids=str)
def test_every_blender_opens_the_scene_that_ships(blender: Blender, desk: Desk) -> None:
    small = ("--percent", "10", "--samples", "1")
    words = ("--program", blender.program, "-f", "12,36", "-o", "f_##", *small)
    done = desk.render(2, CRADLE, *words)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "rror" in line] == []
    assert desk.files == ["f_12.png", "f_36.png"]
    first, second = ((desk.folder / name).read_bytes() for name in desk.files)
    assert first != second


def test_the_scene_that_ships_has_the_pixels_of_blender_alone(desk: Desk, tmp_path: Path) -> None:
    done = desk.render(2, CRADLE, "-f", "7", "-o", "f_##", "--samples", "2", "--percent", "25")
    assert done.returncode == 0, done.stderr
    less = "scene.cycles.samples, scene.render.resolution_percentage = 2, 25"
    expression = f"import bpy; scene = bpy.context.scene; {less}"
    alone(CRADLE, f"{tmp_path}/alone/", "--python-expr", expression, "-f", "7")
    assert_same_pixels(desk.folder.iterdir(), (tmp_path / "alone").iterdir())
