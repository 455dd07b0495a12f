"""The shipped hostfiles, each with its MPI, over four hosts reached by ssh."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from cluster.lab import Hosts
from cluster.picture import OPTIONS, SCENE, pixels, working_hosts
from launchers import AS_ROOT, LAUNCHERS, ROOT, Launcher
from numpy.typing import NDArray

pytestmark = pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)

SETUP_ERROR = 3
LIGHT = ROOT / "tests" / "data" / "bounced_light.pov"
SMALL = ("+W96", "+H128")


def documented_script(launcher: Launcher, arguments: str) -> str:
    """Return the commands in a hostfile's head, for this computer's paths and another picture."""
    before_notes = re.split(r"^# \S+ {2,}", launcher.hostfile.read_text(), flags=re.MULTILINE)[0]
    script = "\n".join(re.findall(r"^#   (.+)$", before_notes, flags=re.MULTILINE))
    assert "mpirun" in script, launcher.hostfile
    script = re.sub(r"^(\S*/)?mpirun\b", str(launcher.mpirun), script, flags=re.MULTILINE)
    script = script.replace("/opt/mpirender", str(launcher.venv))
    return f"{script.removesuffix('scene.pov')} {arguments}"


def render(
    hosts: Hosts, launcher: Launcher, picture: Path, what: Sequence[object] = (SCENE, *OPTIONS)
) -> subprocess.CompletedProcess[str]:
    """Render as the launcher's hostfile says, from node1 and the project's folder."""
    arguments = shlex.join(map(str, (*what, "-o", picture, "-v")))
    script = documented_script(launcher, arguments)
    return hosts.run("node1", ["bash", "-c", script], cwd=ROOT, env=AS_ROOT)


def povray() -> Path:
    """Return where POV-Ray is, on this computer and so on every host."""
    found = shutil.which("povray")
    assert found, "povray is missing: apt-get install povray"
    return Path(found)


def slots(launcher: Launcher) -> dict[str, int]:
    """Return what the launcher's hostfile says, host by host."""
    lines = re.findall(r"^(\w+)(?: slots=|:)(\d+)$", launcher.hostfile.read_text(), re.MULTILINE)
    return {host: int(number) for host, number in lines}


def test_every_host_of_the_hostfile_gets_its_slots(hosts: Hosts, launcher: Launcher) -> None:
    wanted = slots(launcher)
    assert tuple(wanted) == hosts.names
    assert len(set(wanted.values())) > 1
    command = launcher.command(
        sum(wanted.values()),
        *("-c", "import os; os.write(1, f'on {os.uname().nodename}\\n'.encode())"),
        program=(),
        hostfile=launcher.hostfile,
    )
    printed = hosts.check_run("node1", command, env=launcher.env)
    names = re.findall(r"on (\w+)", printed)
    assert {name: names.count(name) for name in names} == wanted


def test_picture_over_four_hosts_equals_that_of_povray_alone(
    hosts: Hosts, launcher: Launcher, plain_picture: NDArray[np.uint8]
) -> None:
    picture = hosts.folder / f"{launcher}.png"
    done = render(hosts, launcher, picture)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(picture), plain_picture)
    assert working_hosts(done.stderr) == set(hosts.names)


def test_radiosity_over_four_hosts_comes_from_samples_that_all_share(
    hosts: Hosts, launcher: Launcher
) -> None:
    picture, alone = (hosts.folder / f"{launcher}-{name}.png" for name in ("light", "alone"))
    done = render(hosts, launcher, picture, (LIGHT, *SMALL))
    assert done.returncode == 0, done.stderr
    assert "first pass: povray finds what all ranks are to share" in done.stderr
    command = ["povray", f"+I{LIGHT}", f"+O{alone}", "-D", *SMALL]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    difference = pixels(picture).astype(int) - pixels(alone)
    assert np.abs(difference).mean() < 3


def test_host_with_another_povray_is_refused_by_name(hosts: Hosts, launcher: Launcher) -> None:
    other = hosts.folder / f"{launcher}-povray"
    other.write_text('#!/bin/sh\necho "Persistence of Vision(tm) Ray Tracer Version 3.6.1" >&2\n')
    other.chmod(0o755)
    picture = hosts.folder / f"{launcher}-refused.png"
    with hosts.other_program("node3", povray(), other):
        done = render(hosts, launcher, picture)
    assert done.returncode == SETUP_ERROR, done.stderr
    assert "node3" in done.stderr
    assert not picture.exists()


def test_host_without_povray_is_named_and_the_others_do_its_work(
    hosts: Hosts, launcher: Launcher, plain_picture: NDArray[np.uint8]
) -> None:
    nothing = hosts.folder / f"{launcher}-nothing"
    nothing.touch(mode=0o644)
    picture = hosts.folder / f"{launcher}-three.png"
    with hosts.other_program("node4", povray(), nothing):
        done = render(hosts, launcher, picture)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(pixels(picture), plain_picture)
    assert working_hosts(done.stderr) == set(hosts.names) - {"node4"}
    assert "node4" in done.stderr
