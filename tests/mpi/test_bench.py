"""Benches under a launcher, with the fake renderer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from launchers import LAUNCHERS, MPICH, OPENMPI5, Launcher, run
from mpi.fakes import Folder, expected, own_words, pixels, results

both_wheels = pytest.mark.parametrize("launcher", [MPICH, OPENMPI5], ids=str)
SCENE = ("size = 40x64", "block = 8", "stream = yes", "seconds = 0.005", "setup = 0.01")
FILES = {"results.json", "table.csv", "table.tex", "trace.json", "report.html"}


def sizes(read: dict[str, Any]) -> list[tuple[int, int]]:
    """Repeat and ranks of every run."""
    return [(each["repeat"], len(each["ranks"])) for each in read["runs"]]


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)
@pytest.mark.parametrize(("ranks", "measured"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 4])])
def test_a_bench_runs_every_number_of_ranks_and_all_pictures_are_the_same(
    launcher: Launcher, ranks: int, measured: list[int], tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    arguments = ("bench", folder.scene.name, "--repeats", "2", "--out", "lab")
    done = launcher.run(ranks, arguments, cwd=folder.path, env=folder.env, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(folder.path / "lab/report.html")]
    read = results(folder.path / "lab")
    assert sizes(read)[0] == (0, ranks)
    assert sorted(sizes(read)[1:]) == [(repeat, n) for repeat in (1, 2) for n in measured]
    assert len({each["pictures"] for each in read["runs"]}) == 1
    np.testing.assert_array_equal(pixels(folder.path / "lab/pictures/scene.ppm"), expected(40, 64))
    assert {path.name for path in (folder.path / "lab").iterdir()} >= FILES
    assert folder.files == {"lab"}
    assert folder.scratch_folders == []
    assert len(own_words(done.stderr)) == 1 + 2 * len(measured)


def test_every_rank_has_the_same_threads_in_every_run(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render_bench(MPICH, 2)
    assert done.returncode == 0, done.stderr
    ranks = [rank for each in results(folder.path / "bench")["runs"] for rank in each["ranks"]]
    assert len({rank["threads"] for rank in ranks}) == 1


@both_wheels
def test_weak_scaling_has_pixels_grow_with_the_ranks(launcher: Launcher, tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render_bench(launcher, 4, "--weak", "--repeats", "1", "--size", "80x128")
    assert done.returncode == 0, done.stderr
    runs = results(folder.path / "bench")["runs"]
    work = {len(each["ranks"]): each["pixels"] for each in runs}
    assert work == {1: 40 * 64, 2: 57 * 91, 4: 80 * 128}


def test_weak_scaling_has_frames_grow_with_the_ranks(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 20x16", "block = 8", "frames = 1-8")
    done = folder.render_bench(MPICH, 4, "--weak", "--repeats", "1", "--ranks", "2,4")
    assert done.returncode == 0, done.stderr
    runs = results(folder.path / "bench")["runs"]
    assert {len(each["ranks"]): each["pixels"] // 320 for each in runs} == {2: 4, 4: 8}


def test_several_policies_are_measured_side_by_side(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render_bench(MPICH, 2, "--policy", "auto,static,ss", "--repeats", "1")
    assert done.returncode == 0, done.stderr
    runs = results(folder.path / "bench")["runs"][1:]
    measured = {(run["policy"], len(run["ranks"])) for run in runs}
    assert measured == {(name, n) for name in ("auto", "static", "ss") for n in (1, 2)}
    assert len({run["pictures"] for run in runs}) == 1
    table = (folder.path / "bench/table.csv").read_text().splitlines()
    assert sorted({line.partition(",")[0] for line in table[1:]}) == ["auto", "ss", "static"]


@pytest.mark.parametrize("scene", [SCENE, (*SCENE, "frames = 1-8"), (SCENE[0], "block = 8")])
def test_other_numbers_of_ranks_are_foretold_from_a_bench(
    scene: tuple[str, ...], tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *scene)
    assert folder.render_bench(MPICH, 2, "--repeats", "1").returncode == 0
    done = run(
        [MPICH.python, "-m", "mpirender", "plan", "bench/results.json", "-np", "64"],
        cwd=folder.path,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "costs of scene.fake as in a run of 2 ranks"
    assert [line.split()[:2] for line in said[2:4]] == [["auto", "1"], ["auto", "2"]]
    assert "on 64 ranks:" in said


def test_a_scene_at_fault_ends_the_bench_on_all_ranks(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 40x64", "block = 8", "fault = scene:4")
    done = folder.render_bench(MPICH, 2, "--rows-per-task", "8")
    assert done.returncode == 4, done.stderr
    assert "no such colour" in done.stderr
    assert not (folder.path / "bench/results.json").exists()


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (("--ranks", "1,8"), 2, "--ranks 8: this run has 2 ranks"),
        (("--movie", "a.mp4"), 2, "--movie in a bench"),
        (("--out", "scene.fake/x"), 7, "cannot make the folder"),
    ],
)
def test_a_bench_that_cannot_be_ends_at_once_on_all_ranks(
    options: tuple[str, ...], status: int, told: str, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render_bench(MPICH, 2, *options)
    assert done.returncode == status, done.stderr
    assert told in done.stderr
    assert len(own_words(done.stderr)) == 1
