"""What all tests share: versions in the report's head, and names that trip careless programs."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from launchers import LAUNCHERS, run

settings.register_profile("quick", max_examples=10, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)  # that of tests/run
settings.load_profile("quick")


def pytest_report_header() -> list[str]:
    """Return the versions that a report of a failure must tell."""
    launchers = (
        f"{each}: {first_version(each.mpirun_path or each.venv / 'bin' / 'mpirun')}"
        for each in LAUNCHERS
    )
    return [
        f"Python: {platform.python_version()}, numpy: {numpy_version()}",
        ", ".join(launchers),
        f"povray: {first_version('povray')}, blender: {first_version('blender')}",
    ]


def numpy_version() -> str:
    import numpy as np

    return str(np.__version__)


def first_version(program: str | Path) -> str:
    """Return the first version number that a program prints of itself."""
    found = shutil.which(program)
    if found is None:
        return "missing"
    done = run([found, "--version"], timeout=30)
    version = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return str(version[0]) if version else "unknown"


@pytest.fixture
def weird_folder(tmp_path: Path) -> Path:
    """A folder whose name has blanks, a quotation mark, an equals sign, a plus and brackets."""
    folder = tmp_path / "it's = 1 + [x]"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def povray() -> Path:
    """The real POV-Ray."""
    found = shutil.which("povray")
    if found is None:
        pytest.fail("povray is missing: apt-get install povray povray-includes")
    return Path(found)
