"""Reports of single renders under a launcher, with the fake renderer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from launchers import MPICH, OPENMPI5, Launcher, run
from mpi.fakes import Folder, complaints, expected, pixels, results

both_wheels = pytest.mark.parametrize("launcher", [MPICH, OPENMPI5], ids=str)
SCENE = ("size = 40x64", "block = 8", "stream = yes", "seconds = 0.005", "setup = 0.01")


@both_wheels
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_a_report_tells_of_every_rank_and_pixel(
    launcher: Launcher, ranks: int, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(launcher, ranks, "--report", "out/report")
    assert done.returncode == 0, done.stderr
    assert complaints(done.stderr) == []
    np.testing.assert_array_equal(pixels(folder.picture), expected(40, 64))
    assert done.stdout.splitlines()[-1] == str(folder.path / "out/report/report.html")
    (record,) = results(folder.path / "out/report")["runs"]
    assert [rank["rank"] for rank in record["ranks"]] == list(range(ranks))
    assert record["pixels"] == 40 * 64
    phases = [phase["name"] for phase in record["phases"]]
    assert phases == ["start", "ask", "prepare", "meet", "share out", "compose", "encode"]
    for attempt in record["attempts"]:
        order = ("assigned", "started", "first_word", "first_pixel", "last_pixel", "ended")
        moments = [attempt[name] for name in (*order, "arrived")]
        assert moments == sorted(moments)
        assert attempt["cpu_seconds"] >= 0
        assert attempt["outcome"] in ("completed", "dropped")


def test_a_report_without_a_launcher_is_one_page(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    command: list[str | Path] = [MPICH.python, "-m", "mpirender", folder.scene.name]
    done = run([*command, "--report", "a b.html"], cwd=folder.path, env=folder.env)
    assert done.returncode == 0, done.stderr
    assert folder.files == {folder.picture.name, "a b.html"}
    assert "none, one process" in (folder.path / "a b.html").read_text()


def test_failed_attempts_are_in_the_report(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 40x64", "block = 8", "fault = exit:0@1")
    done = folder.render(MPICH, 2, "--report", "report")
    assert done.returncode == 0, done.stderr
    (record,) = results(folder.path / "report")["runs"]
    outcomes = [(each["task"], each["outcome"]) for each in record["attempts"]]
    assert (0, "failed") in outcomes and (0, "completed") in outcomes
    assert "1 attempt failed" in (folder.path / "report/report.html").read_text()


@pytest.mark.parametrize(
    ("target", "status", "told"), [("nowhere/a.html", 7, "no such folder"), (".", 0, "")]
)
def test_a_report_that_cannot_be_is_refused_before_anything_is_rendered(
    target: str, status: int, told: str, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(MPICH, 2, "--report", target)
    assert done.returncode == status, done.stderr
    assert told in done.stderr
    assert folder.picture.exists() == (status == 0)
