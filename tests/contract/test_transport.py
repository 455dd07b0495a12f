from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from contract.scenarios import SCENARIOS
from launchers import LAUNCHERS, MPICH, Launcher

from mpirender.report.recorder import Recorder
from mpirender.transport.local import LocalTransport
from mpirender.transport.recording import RecordingTransport

RANKS = 4
PROGRAM = (str(Path(__file__).with_name("scenarios.py")),)
names = pytest.mark.parametrize("name", SCENARIOS)
launchers = pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)


@names
def test_one_process(name: str) -> None:
    transport = LocalTransport()
    SCENARIOS[name](transport)
    transport.close()


@names
def test_one_process_with_a_recorder(name: str) -> None:
    transport = RecordingTransport(LocalTransport(), Recorder(time.monotonic))
    SCENARIOS[name](transport)
    transport.close()


@names
@launchers
def test_mpi(launcher: Launcher, name: str) -> None:
    done = launcher.run(RANKS, [name], program=PROGRAM, timeout=120)
    assert done.returncode == 0, done.stderr
    through = re.findall(rf"rank (\d+) of {RANKS} is through", done.stdout)
    assert sorted(through) == [str(rank) for rank in range(RANKS)]


@launchers
@pytest.mark.parametrize("name", ["freeze", "freeze-part"])
def test_rank_0_waits_for_no_rank_that_stands_still(launcher: Launcher, name: str) -> None:
    done = launcher.run(RANKS, [name], program=PROGRAM, timeout=60)
    assert re.findall(r"rank (\d+) has left after (\d+) s", done.stdout) == [("0", "2")], (
        done.stderr
    )


def test_abort_ends_the_only_process_with_its_status() -> None:
    with pytest.raises(SystemExit) as caught:
        LocalTransport().abort(42)
    assert caught.value.code == 42


@launchers
def test_abort_ends_every_rank_with_its_status(launcher: Launcher) -> None:
    done = launcher.run(RANKS, ["abort"], program=PROGRAM, timeout=120)
    # MPICH's mpirun kills the other ranks, and may report the end of one of those (9) instead
    assert done.returncode in ((42, 9) if launcher is MPICH else (42,))
    assert "is through" not in done.stdout
