"""Signals to a Python of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LOADING = """
import os, sys, time
from mpirender.interrupts import catch_interrupts

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "datetime":
            os.kill(os.getpid(), int(sys.argv[1]))

catch_interrupts()
sys.meta_path.insert(0, Finder())
try:
    import numpy
    time.sleep(20)
except KeyboardInterrupt:
    print("interrupted", numpy.ones(2).sum())
"""

IGNORING = """
import signal
from mpirender.interrupts import catch_interrupts
signal.signal(signal.SIGINT, signal.SIG_IGN)
catch_interrupts()
signal.raise_signal(signal.SIGINT)
try:
    signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt:
    print("interrupted once")
"""

IMPATIENT = """
import signal, time
from mpirender import interrupts
interrupts._QUIET = 0.1
interrupts.catch_interrupts()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    print("put away")
time.sleep(0.2)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("another")
"""

all_signals = pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name
)


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=15, check=True
    )
    assert done.stderr == ""
    return done.stdout


@all_signals
def test_a_library_is_loaded_before_the_interruption(number: signal.Signals) -> None:
    assert run("-c", LOADING, str(int(number))) == "interrupted 2.0\n"


def test_what_is_ignored_stays_ignored() -> None:
    assert run("-c", IGNORING) == "interrupted once\n"


def test_several_signals_at_once_are_one() -> None:
    assert run("-c", IMPATIENT) == "put away\nanother\n"


@all_signals
def test_before_the_program_has_begun_it_just_ends(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        name == 'mpirender.cli' and os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mpirender", "--version"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-number, "", "")
