"""Runs of plain POV-Ray and of the program in equal folders, and what they leave there."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from launchers import ROOT, Launcher, run
from numpy.typing import NDArray

from mpirender.report.records import Report, from_json

DATA = ROOT / "tests" / "data"
DATE = re.compile(rb"\d{4}[-:]\d\d[-:]\d\d \d\d:\d\d:\d\d")


@dataclass(frozen=True)
class Still:
    """A picture file, read without any of the package's code.

    Attributes
    ----------
    pixels : (H, W, C) ndarray
        The numbers in the file.
    metadata : str
        All that is no pixel, dates left out.
    """

    pixels: NDArray[Any]
    metadata: str


def still(path: Path) -> Still:
    """Read a picture by OpenImageIO, without any conversion of colours or alpha."""
    wanted = oiio.ImageSpec()
    wanted.attribute("oiio:UnassociatedAlpha", 1)
    wanted.attribute("oiio:RawColor", 1)
    file = oiio.ImageInput.open(str(path), wanted)
    assert file is not None, oiio.geterror()
    spec = file.spec()
    pixels = file.read_image(0, 0, 0, spec.nchannels, spec.format)
    assert pixels is not None, file.geterror()
    known = [(each.name, str(each.value)) for each in spec.extra_attribs]
    told = "\n".join(f"{name}: {value}" for name, value in known if name != "DateTime")
    return Still(pixels, DATE.sub(b"", told.encode()).decode() + png_chunks(path))


def png_chunks(path: Path) -> str:
    """Return names and bodies of a PNG's chunks but for pixels and dates; nothing for others."""
    data = path.read_bytes()
    if not data.startswith(b"\x89PNG"):
        return ""
    told, position = "", 8
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        body = DATE.sub(b"", data[position + 8 : position + 8 + length])
        if name not in (b"IDAT", b"tIME"):
            told += f"\n{name.decode()}: {body!r}"
        position += 12 + length
    return told


class Stage:
    """A fresh copy of the test scenes, to run in.

    Parameters
    ----------
    folder : Path
        Made here.
    within : str
        Where in it the command is given; there is an empty folder "elsewhere".
    """

    def __init__(self, folder: Path, within: str = ".") -> None:
        shutil.copytree(DATA, folder / "stage", ignore=shutil.ignore_patterns("povray"))
        self.folder = folder / "stage"
        self.scratch = folder / "tmp"
        self.scratch.mkdir()
        (self.folder / "elsewhere").mkdir()
        self.directory = self.folder / within
        self._before = self._files()

    def _files(self) -> set[str]:
        return {str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file()}

    @property
    def new_files(self) -> set[str]:
        """What has come since, relative to the folder."""
        return self._files() - self._before

    @property
    def picture(self) -> Path:
        """The one new file."""
        (name,) = self.new_files
        return self.folder / name

    def plain(self, *arguments: str) -> None:
        """Run POV-Ray alone, on one thread."""
        done = run(["povray", *arguments, "-D", "+WT1"], cwd=self.directory)
        assert done.returncode == 0, done.stderr

    def mpirender(
        self,
        launcher: Launcher,
        ranks: int,
        arguments: Sequence[str | Path],
        *,
        path: Path | None = None,
        env: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run the program; `path` is a folder in which programs are looked for first."""
        variables = {"TMPDIR": str(self.scratch), **(env or {})}
        if path:
            variables["PATH"] = f"{path}:/usr/bin:/bin"
        return launcher.run(ranks, arguments, timeout=timeout, cwd=self.directory, env=variables)

    @property
    def scratch_folders(self) -> list[Path]:
        """What the program has left in TMPDIR."""
        return sorted(self.scratch.glob("mpirender*"))


def assert_same(ours: Path, theirs: Still) -> None:
    """Fail unless a picture has the pixels, the type and the metadata of another."""
    own = still(ours)
    assert own.pixels.dtype == theirs.pixels.dtype
    np.testing.assert_array_equal(own.pixels, theirs.pixels)
    assert own.metadata == theirs.metadata


def results(folder: Path) -> Report:
    """Read the report in a folder."""
    return from_json((folder / "results.json").read_text())


def own_words(stderr: str) -> list[str]:
    """Return the lines that the program itself has written, but for how far it is, and its last."""
    own = [line for line in stderr.splitlines() if line.startswith("mpirender: ")]
    return [line for line in own if not re.match(r"mpirender: (\d+ % after|\d+ tasks? on) ", line)]
