"""One lab of four hosts for all cluster tests, Slurm over it, and what to compare with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from cluster.lab import Hosts, Slurm
from cluster.picture import OPTIONS, SCENE, pixels
from launchers import run
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Four hosts, ended with the session."""
    lab = Hosts(tmp_path_factory.mktemp("hosts"), 4)
    try:
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="session")
def slurm(hosts: Hosts) -> Slurm:
    """Slurm over the four hosts, no node with more CPUs than this computer."""
    return Slurm(hosts, min(2, len(os.sched_getaffinity(0))))


@pytest.fixture(scope="session")
def plain_picture(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.uint8]:
    """What POV-Ray alone makes of the scene, with one thread."""
    picture = tmp_path_factory.mktemp("plain") / "spheres.png"
    done = run(["povray", f"+I{SCENE}", f"+O{picture}", *OPTIONS, "+WT1", "-D"])
    assert done.returncode == 0, done.stderr
    return pixels(picture)
