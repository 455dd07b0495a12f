"""Forecasts from a small render by the real POV-Ray."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from launchers import MPIRENDER, run
from render.stills import Stage

from mpirender.policy import NAMES

pytestmark = pytest.mark.usefixtures("povray")


def plan(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *MPIRENDER, "plan", *arguments]
    return run(command, cwd=stage.directory, env={"TMPDIR": str(stage.scratch)})


def test_a_scene_is_forecast_by_every_policy(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    done = plan(stage, "soft_shadow.pov", "+W640", "+H480", "+A0.0", "+R3", "-np", "8")
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(\w+) +\S+ (?:s|min|h) +(\d+) % +(\d+) % +\d+$", done.stdout, re.MULTILINE)
    assert [name for name, *_ in rows] == [*NAMES]
    assert all(0 < int(used) <= 100 for _, used, _ in rows)
    assert "#SBATCH --ntasks=" in done.stdout
    assert stage.new_files == set()
    assert stage.scratch_folders == []


def test_an_animation_is_forecast_from_a_few_of_its_frames(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    done = plan(stage, "moved_by_the_clock.pov", "+W128", "+H96", "--frames", "1-40", "-np", "4")
    assert done.returncode == 0, done.stderr
    assert "on 4 ranks:" in done.stdout
    assert stage.new_files == set()


def test_a_scene_with_a_mistake_is_told(tmp_path: Path) -> None:
    done = plan(Stage(tmp_path), "parse_error.pov", "+W64", "+H48", "-np", "4")
    assert done.returncode == 4
    assert "Parse Error" in done.stderr.splitlines()[-1]
