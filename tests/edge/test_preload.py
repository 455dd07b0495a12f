"""What a rank loads, in a Python of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, sys
from mpirender.preload import preload
before = dict(os.environ)
preload()
loaded = [name in sys.modules for name in ("numpy", "OpenImageIO")]
threads = len(os.listdir("/proc/self/task"))
left = dict(os.environ) == before
os.environ["OPENBLAS_NUM_THREADS"] = "another"
del sys.modules["mpirender.images"]
preload()
again = "mpirender.images" in sys.modules
print(json.dumps([loaded, threads, left, again]))
"""

SENDING = """
import sys
from dataclasses import replace
from pathlib import Path
from mpirender.messages import Assign, Begin, TilesDone, Witness
from mpirender.model import Task, Tile
from mpirender.worker import Worker
from unit.samples import job
scene, said = Path(sys.argv[1]), []
worker = Worker(1, "here", said.append)
work = job(arguments=(str(scene), "16x24"), directory=scene.parent)
worker.handle(Begin((replace(work, streams=True),), 1, 1, 0.5), 0)
worker.handle(Assign(Task(0, Tile(0, 24, 0, 16)), 1), 0)
while not any(isinstance(message, Witness) for message in said):
    worker.step(0)
worker.close()
print(sum(len(message.blocks) for message in said if isinstance(message, TilesDone)))
print(*(name for name in ("numpy", "OpenImageIO") if name in sys.modules))
"""


def test_a_rank_that_sends_blocks_loads_no_library(tmp_path: Path) -> None:
    (tmp_path / "s.fake").write_text("size = 16x24\nblock = 8\nstream = yes")
    tests = Path(__file__).resolve().parents[1]
    environ = {**os.environ, "PYTHONPATH": str(tests), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", SENDING, str(tmp_path / "s.fake")]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "6\n\n"


@pytest.mark.parametrize("typed", [{}, {"OPENBLAS_NUM_THREADS": "1"}])
def test_libraries_are_loaded_once_and_nothing_else_changes(typed: dict[str, str]) -> None:
    variables = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"} | typed
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=variables, capture_output=True, timeout=60, check=True)
    loaded, threads, left, again = json.loads(done.stdout)
    assert loaded == [True, True]
    assert threads == 1  # and not one a core, for matrices
    assert left
    assert not again
