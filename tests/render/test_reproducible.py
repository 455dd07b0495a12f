"""Scenes whose pixels depend on the order of tracing: what is said of them, and what cures it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from launchers import MPICH, run
from numpy.testing import assert_array_equal
from render.stills import Stage, still

SIZE = ("+W100", "+H150")
RADIOSITY = ("bounced_light.pov", "+W96", "+H64")


def pixels(stage: Stage, ranks: int, *arguments: str) -> np.ndarray:
    done = stage.mpirender(MPICH, ranks, ["--reproducible", *arguments])
    assert done.returncode == 0, done.stderr
    return still(stage.picture).pixels


@pytest.mark.parametrize("scene", [("noisy.pov", *SIZE), RADIOSITY], ids=lambda scene: scene[0])
def test_every_number_of_ranks_gives_the_same_picture(
    scene: tuple[str, ...], tmp_path: Path
) -> None:
    first, *others = (pixels(Stage(tmp_path / str(n)), n, *scene) for n in (1, 2, 3))
    for other in others:
        assert_array_equal(first, other)


def test_without_it_they_do_not(tmp_path: Path) -> None:
    stages = [Stage(tmp_path / str(ranks)) for ranks in (1, 3)]
    for ranks, stage in zip((1, 3), stages, strict=True):
        done = stage.mpirender(MPICH, ranks, ["noisy.pov", *SIZE, "--threads", "1"])
        assert done.returncode == 0, done.stderr
    one, three = (still(stage.picture).pixels for stage in stages)
    assert (one != three).any()


def jump(picture: np.ndarray) -> float:
    """Return the mean step between rows of two blocks, over that between all other rows."""
    steps = np.abs(np.diff(picture.astype(float), axis=0)).mean(axis=(1, 2))
    is_edge = np.arange(1, len(picture)) % 32 == 0
    return float(steps[is_edge].mean() / steps[~is_edge].mean())


@pytest.mark.parametrize("how", [["--reproducible"], ["--threads", "1"]], ids=lambda how: how[0])
def test_radiosity_that_is_cut_has_no_seams(how: list[str], tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    scene = ["bounced_light.pov", "+W96", "+H160"]
    done = stage.mpirender(MPICH, 3, [*scene, *how, "-v"])
    assert done.returncode == 0, done.stderr
    assert "first pass: povray finds what all ranks are to share" in done.stderr
    ours = still(stage.picture).pixels
    stage.plain(*scene, "+Oelsewhere/alone.png")
    alone = still(stage.folder / "elsewhere/alone.png").pixels
    assert jump(ours) <= 1.05 * jump(alone)
    assert np.abs(ours.astype(int) - alone).mean() < 3


def test_a_scene_that_only_speaks_of_radiosity_is_that_of_povray(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    scene = stage.directory / RADIOSITY[0]
    text = scene.read_text().replace("radiosity {", "#if (0) radiosity {")
    scene.write_text(text.replace("limit 1 }", "limit 1 } #end"))
    ours = pixels(stage, 2, *RADIOSITY)
    stage.plain(*RADIOSITY, "+Oelsewhere/alone.png")
    assert_array_equal(ours, still(stage.folder / "elsewhere/alone.png").pixels)


def test_a_user_who_keeps_samples_gets_no_first_pass(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    arguments = [*RADIOSITY, "+RFO", "+RFkept.rca", "--reproducible", "-v"]
    done = stage.mpirender(MPICH, 1, arguments)
    assert done.returncode == 0, done.stderr
    assert "first pass" not in done.stderr
    assert (stage.directory / "kept.rca").stat().st_size > 0


def test_frames_are_those_of_povray_with_one_thread(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    scene = ["noisy.pov", *SIZE]
    done = stage.mpirender(MPICH, 3, [*scene, "--reproducible", "--frames", "1-4"])
    assert done.returncode == 0, done.stderr
    stage.plain(*scene, "+KFI1", "+KFF4", "+Oelsewhere/f.png")
    for number in range(1, 5):
        alone = still(stage.folder / f"elsewhere/f{number}.png").pixels
        assert_array_equal(still(stage.folder / f"noisy{number}.png").pixels, alone)


@pytest.mark.parametrize("threads", [["--threads", "2"], ["+WT2"], ["Work_Threads=2"]])
def test_several_threads_are_refused(threads: list[str], tmp_path: Path) -> None:
    done = Stage(tmp_path).mpirender(MPICH, 2, ["noisy.pov", "--reproducible", *threads])
    assert done.returncode == 2
    assert "--reproducible with 2 threads, expected 1" in done.stderr


def check(stage: Stage, *arguments: str) -> list[str]:
    done = run([MPICH.python, "-m", "mpirender", "check", *arguments], cwd=stage.directory)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_check_names_what_depends_on_the_order(tmp_path: Path) -> None:
    said = check(Stage(tmp_path), "noisy.pov", *SIZE)
    assert said[1].strip().startswith("100 x 150 pixels, PNG, 8 bits, renderer 3.7.")
    found = [line.split(": ")[:2] for line in said if ".pov:" in line]
    assert [(Path(place.strip()).name, what) for place, what in found] == [
        ("noisy.pov:5", "area light with jitter"),
        ("noisy.pov:7", "crand"),
    ]
    assert "--reproducible" in said[-1]


def test_check_says_where_all_is_certain(tmp_path: Path) -> None:
    said = check(Stage(tmp_path), "fine_edges.pov", "--frames", "1-3")
    assert "3 frames" in said[2] and "fine_edges1.png to fine_edges3.png" in said[2]
    assert "any number of ranks gives povray's own picture" in said[-1]
