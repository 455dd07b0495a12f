"""Runs of the fake renderer under a launcher, and the picture that each must give."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from launchers import Launcher
from numpy.typing import NDArray

from mpirender.renderers.fake import pixel_row


@dataclass(frozen=True)
class Folder:
    """A folder with one scene, and another one for the scratch folders of all ranks.

    Attributes
    ----------
    path : Path
        Where the run is started and its picture will be.
    scratch : Path
        TMPDIR of the run.
    """

    path: Path
    scratch: Path

    @classmethod
    def with_scene(cls, parent: Path, *lines: str) -> Folder:
        """Make both folders, and a scene of these lines in the first."""
        folder = cls(parent / "run", parent / "tmp")
        folder.path.mkdir()
        folder.scratch.mkdir()
        folder.scene.write_text("".join(f"{line}\n" for line in lines))
        return folder

    @property
    def scene(self) -> Path:
        return self.path / "scene.fake"

    @property
    def picture(self) -> Path:
        return self.path / "scene.ppm"

    @property
    def env(self) -> dict[str, str]:
        return {"TMPDIR": str(self.scratch)}

    @property
    def scratch_folders(self) -> list[Path]:
        """What the run has left in TMPDIR; the launchers' own things are not counted."""
        return sorted(self.scratch.glob("mpirender*"))

    @property
    def files(self) -> set[str]:
        """Names beside the scene, hidden ones as well."""
        return {path.name for path in self.path.iterdir()} - {self.scene.name}

    def render(
        self, launcher: Launcher, ranks: int, *options: str | Path, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Render the scene."""
        arguments: Sequence[str | Path] = (self.scene.name, *options)
        return launcher.run(ranks, arguments, timeout=timeout, cwd=self.path, env=self.env)

    def render_bench(
        self, launcher: Launcher, ranks: int, *options: str, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Measure how the scene scales; the results are in `bench` beside it."""
        arguments = ("bench", self.scene.name, *options)
        return launcher.run(ranks, arguments, timeout=timeout, cwd=self.path, env=self.env)


def results(folder: Path) -> dict[str, Any]:
    """Return the raw record of a report or a bench."""
    read = json.loads((folder / "results.json").read_text())
    assert isinstance(read, dict)
    return read


def expected(width: int, height: int, bits: int = 8) -> NDArray[np.uint16]:
    """Return the (H, W, 3) picture that every complete run gives."""
    rows = (pixel_row(row, width, bits, range(width)) for row in range(height))
    values = np.frombuffer(b"".join(rows), f">u{bits // 8}").astype(np.uint16)
    return values.reshape(height, width, 3)


def pixels(path: Path) -> NDArray[np.uint16]:
    """Return the (H, W, 3) pixels of a PPM, read without any of the package's code."""
    head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+(\d+)\s", path.read_bytes())
    assert head, path
    width, height, largest = map(int, head.groups())
    values = np.frombuffer(path.read_bytes()[head.end() :], ">u2" if largest > 255 else "u1")
    return values.reshape(height, width, 3).astype(np.uint16)


def black_rows(picture: NDArray[np.uint16]) -> list[int]:
    """Return the rows with a black pixel; a rendered one is never black."""
    return [int(row) for row in np.flatnonzero((picture == 0).all(axis=2).any(axis=1))]


def own_words(stderr: str) -> list[str]:
    """Return the lines that the program itself has written, but for how far it is."""
    own = [line for line in stderr.splitlines() if line.startswith("mpirender: ")]
    return [line for line in own if not re.match(r"mpirender: \d+ % after ", line)]


def complaints(stderr: str) -> list[str]:
    """Return the program's lines but the one that closes a run that went well."""
    return [line for line in own_words(stderr) if not re.search(r": \d+ tasks? on ", line)]
