"""Sample .blend files, what Blender alone makes of them, and runs of the program in a folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from launchers import MPICH, ROOT, run
from numpy.testing import assert_array_equal
from render.stills import still

MAKE = ROOT / "tests" / "blend" / "make.py"
FACTORY = ("-b", "--factory-startup", "-noaudio")


def make_blends(folder: Path, names: Sequence[str], *options: str) -> Path:
    """Have Blender write some of the samples; return their folder."""
    script: tuple[str | Path, ...] = ("--python-exit-code", "1", "--python", MAKE)
    words: tuple[str | Path, ...] = ("--", folder, "--only", *names, *options)
    done = run(["blender", *FACTORY, *script, *words], timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def alone(scene: Path, output: str, *options: str) -> None:
    """Render frames by Blender alone, with one thread."""
    done = run(["blender", "-b", "-noaudio", "-t", "1", scene, "-o", output, *options], timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


class Desk:
    """A folder in which the program is run, and one for its scratch folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        self.scratch = folder / "tmp"
        self.folder.mkdir()
        self.scratch.mkdir()

    def render(
        self, ranks: int, *arguments: str | Path, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the program under MPICH."""
        variables = {"TMPDIR": str(self.scratch), **(env or {})}
        return MPICH.run(ranks, arguments, timeout=120, cwd=self.folder, env=variables)

    @property
    def files(self) -> list[str]:
        """Names of what has been made."""
        return sorted(path.name for path in self.folder.iterdir())

    @property
    def scratch_files(self) -> list[str]:
        """What is left in TMPDIR."""
        return sorted(str(path.relative_to(self.scratch)) for path in self.scratch.rglob("*"))

    def program(self, name: str, *lines: str) -> Path:
        """Write a program that is Blender after what these lines of shell do."""
        path = self.folder.parent / name
        blender = shutil.which("blender")
        path.write_text("\n".join(("#!/bin/sh", *lines, f'exec {blender} "$@"\n')))
        path.chmod(0o755)
        return path


def assert_same_pixels(ours: Iterable[Path], theirs: Iterable[Path]) -> None:
    """Fail unless pictures have the same pixels of the same type, and are as many."""
    for own, other in zip(sorted(ours), sorted(theirs), strict=True):
        got, expected = still(own).pixels, still(other).pixels
        assert got.dtype == expected.dtype, own
        assert_array_equal(got, expected, err_msg=str(own))


def requests(stdout: str) -> list[dict[str, object]]:
    """Return what a dry run would ask Blender for."""
    return [json.loads(line) for line in stdout.splitlines() if line.startswith("  {")]
