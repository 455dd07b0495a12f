"""Blender as the tests have it: Debian's, and two as Python modules; what each renders alone."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launchers import ROOT, VENVS, run

MAKE = ROOT / "tests" / "blend" / "make.py"
ALONE = ROOT / "tests" / "blend" / "alone.py"
QUIET = ("-b", "--factory-startup", "-noaudio")


@dataclass(frozen=True)
class Blender:
    """One Blender.

    Attributes
    ----------
    name : str
        Its version.
    folder : str, optional
        The environment in `VENVS` that has it as a module; a program if absent.
    """

    name: str
    folder: str | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def program(self) -> Path:
        """What `--program` is to name."""
        if self.folder is None:
            found = shutil.which("blender")
            if found is None:
                raise FileNotFoundError("blender is missing: apt-get install blender")
            return Path(found)
        python = VENVS / self.folder / "bin" / "python"
        if not python.exists():
            raise FileNotFoundError(f"{python} is missing: prepare the environments (tests/run)")
        return python

    def script(self, script: Path, *words: str | Path) -> list[str]:
        """Return the tokens that run a script of ours inside this Blender."""
        own = [str(script), "--", *map(str, words)]
        if self.folder is not None:
            return [str(self.program), *own]
        return [str(self.program), *QUIET, "--python-exit-code", "9", "--python", *own]

    def render(self, scene: Path, out: Path, first: int, last: int) -> list[str]:
        """Return the tokens with which this Blender alone renders frames of a file."""
        if self.folder is not None:
            return self.script(ALONE, scene, out, str(first), str(last))
        place = [str(scene), "-o", str(out)]
        return [str(self.program), *QUIET, *place, "-s", str(first), "-e", str(last), "-a"]


DEBIAN = Blender("3.4")
BPY42 = Blender("4.2", "bpy42")
BPY45 = Blender("4.5", "bpy45")
BLENDERS = (DEBIAN, BPY42, BPY45)


def make(folder: Path, names: Sequence[str] = (), *options: str, timeout: float = 120) -> None:
    """Write sample scenes with Debian's Blender; all of them if none is named.

    Raises
    ------
    AssertionError
        If it fails.
    """
    only = ["--only", *names] if names else []
    done = run(DEBIAN.script(MAKE, folder, *only, *options), timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
