"""Runs that try layouts of processes and threads first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from launchers import LAUNCHERS, MPICH, Launcher
from mpi.fakes import Folder, expected, own_words, pixels, results

SCENE = ("size = 40x64", "block = 8", "stream = yes", "seconds = 0.002")


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)
@pytest.mark.parametrize("ranks", [1, 3])
def test_a_tuned_run_says_what_it_has_tried_and_gives_the_same_picture(
    launcher: Launcher, ranks: int, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(launcher, ranks, "--tune", "--snapshot", "seen.png")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(folder.picture), expected(40, 64))
    said = own_words(done.stderr)
    assert len(said) == 2 and said[0].startswith("mpirender: tuned: 1 x ")
    assert folder.scratch_folders == []


def test_the_report_tells_what_was_tried(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE)
    done = folder.render(MPICH, 2, "--tune", "--report", "told")
    assert done.returncode == 0, done.stderr
    read = results(folder.path / "told")
    assert read["setting"]["options"]["tuned"] in done.stderr
    assert "tune" in [phase["name"] for phase in read["runs"][0]["phases"]]


def test_a_scene_at_fault_ends_the_trials_on_all_ranks(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *SCENE, "fault = scene:0")
    done = folder.render(MPICH, 3, "--tune")
    assert done.returncode == 4, done.stderr
    assert len(own_words(done.stderr)) == 1
    assert folder.scratch_folders == []
