"""The shipped batch script on a Slurm of four nodes, with each MPI."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from cluster.lab import Slurm, wait_until
from cluster.picture import OPTIONS, SCENE, pixels, working_hosts
from launchers import LAUNCHERS, ROOT, Launcher
from numpy.typing import NDArray

pytestmark = pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)

BATCH_SCRIPT = ROOT / "slurm" / "still.sbatch"


def submit(slurm: Slurm, launcher: Launcher, *arguments: str | Path) -> str:
    """Submit the batch script from the launcher's environment; return the job's number."""
    env = {
        **launcher.env,
        "PATH": f"{launcher.venv / 'bin'}:{os.environ['PATH']}",
        "MPIRENDER_MPI": launcher.slurm_mpi,
    }
    return slurm.command("sbatch", "--parsable", BATCH_SCRIPT, *arguments, env=env).strip()


def test_batch_job_makes_the_picture_of_povray_alone(
    slurm: Slurm, launcher: Launcher, plain_picture: NDArray[np.uint8]
) -> None:
    picture = slurm.hosts.folder / f"slurm-{launcher}.png"
    job = slurm.await_end(submit(slurm, launcher, SCENE, *OPTIONS, "-o", picture, "-v"))
    log = Path(job["StdOut"]).read_text()
    assert job["JobState"] == "COMPLETED", log
    assert job["ExitCode"] == "0:0", log
    np.testing.assert_array_equal(pixels(picture), plain_picture)
    assert working_hosts(log) == set(slurm.hosts.names)


def test_batch_job_of_a_bad_scene_fails(slurm: Slurm, launcher: Launcher) -> None:
    scene = slurm.hosts.folder / f"bad-{launcher}.pov"
    scene.write_text('#error "nothing to see"\n')
    picture = scene.with_suffix(".png")
    job = slurm.await_end(submit(slurm, launcher, scene, *OPTIONS, "-o", picture))
    assert job["JobState"] == "FAILED", job
    assert not job["ExitCode"].startswith("0:"), job
    assert "nothing to see" in Path(job["StdOut"]).read_text()
    assert not picture.exists()


def test_cancelled_batch_job_leaves_no_renderer(slurm: Slurm, launcher: Launcher) -> None:
    picture = slurm.hosts.folder / f"cancelled-{launcher}.png"
    number = submit(slurm, launcher, SCENE, "+W6000", "+H4000", "-o", picture)
    everywhere = set(slurm.hosts.names)
    wait_until(lambda: slurm.hosts.running("povray") == everywhere, "povray on every node")
    slurm.command("scancel", number)
    assert slurm.await_end(number)["JobState"] == "CANCELLED"
    wait_until(lambda: not slurm.hosts.running("povray"), "no povray on any node")
    assert not picture.exists()
