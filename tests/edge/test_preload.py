"""What is loaded while a rank has nothing else to do, in a Python of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

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
