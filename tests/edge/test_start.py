"""What the program loads before it knows what is wanted, in interpreters of its own."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numpy", "mpi4py.MPI", "PIL", "rich", "av", "OpenImageIO", "matplotlib")


def heavy_modules_after(code: str) -> list[str]:
    """Run code in an interpreter of its own and return which heavy modules it has loaded."""
    ask = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{ask}"], capture_output=True, text=True, check=True
    )
    return done.stderr.split()


def test_help_needs_nothing_heavy() -> None:
    assert heavy_modules_after("from mpirender.cli import main; main(['--help'])") == []


def test_a_wrong_argument_needs_nothing_heavy() -> None:
    code = "import sys; from mpirender.cli import main; sys.stderr = sys.stdout; main(['--nope'])"
    assert heavy_modules_after(f"{code}; sys.stderr = sys.__stderr__") == []
