"""Radiosity samples that several POV-Rays find, each in its rows, and that all of them use.

What POV-Ray knows of the light that surfaces throw at each other are samples, taken where rays
happen to go. Rows that are rendered apart have samples apart, and a seam between them. So a first
pass renders the picture in bands of rows, without antialiasing, and POV-Ray writes down the samples
of each; they are put one behind the other, and the second pass loads them and takes next to none
itself. The bands do not depend on the number of ranks.

References
----------
POV-Ray 3.7 reference, section 3.4.4.2 "Adjusting Radiosity", on ``Radiosity_To_File``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.model import Job, PictureType, TileRecord
from mpirender.renderers.povray.switches import SAMPLES, SCENE_WITH_SAMPLES, path_argument

if TYPE_CHECKING:
    from mpirender.compose import Excerpt

__all__ = ["KIND", "SampleMerge", "SampleStream", "after_first_pass", "arguments", "first_pass"]

KIND = "rca"
_OWN = re.compile(r"[+-]RF|Radiosity_(To_|From_)?File", re.IGNORECASE)
_HEADER = b"bands of radiosity samples\n"
_NO_PRETRACE = """
global_settings { radiosity { pretrace_start 1 pretrace_end 1 always_sample off } }
"""
"""A second such block leaves all settings alone that it does not name."""


def first_pass(job: Job, output: Path) -> Job | None:
    """Return the job that finds the samples; None where the user keeps samples of his own."""
    if any(_OWN.match(argument) for argument in job.arguments):
        return None
    return replace(
        job, picture=PictureType(KIND), output=output, streams=True, shares_samples=False
    )


def after_first_pass(job: Job, output: Path) -> Job:
    """Return the job whose tasks load samples.

    Where there are none, the scene speaks of radiosity and does not use it: to add something would
    switch it on.
    """
    samples = output.read_text(encoding="ascii", errors="replace")
    if not samples:
        return replace(job, shares_samples=False)
    scene = job.scene.read_bytes().decode(errors="surrogateescape") + _NO_PRETRACE
    files = (*job.files, (SAMPLES, samples), (SCENE_WITH_SAMPLES, scene))
    return replace(job, files=files, shares_samples=False)


def arguments(output: Path) -> list[str]:
    """Return the switches by which POV-Ray writes samples down, and no picture."""
    return ["-A", "-F", "+RFO", path_argument("+RF", output.with_suffix(f".{KIND}"))]


class SampleStream:
    """The samples of one band, complete when POV-Ray has ended.

    Parameters
    ----------
    output : Path
        The picture that POV-Ray is told of.
    blocks : sequence of int
        Of the band. The first one's record has all samples, the others' nothing.
    """

    header = _HEADER

    def __init__(self, output: Path, blocks: Sequence[int]) -> None:
        self._path = output.with_suffix(f".{KIND}")
        self._blocks = blocks

    def read(self, *, ended: bool = False) -> list[TileRecord]:
        """Return the records once POV-Ray has ended; see `TileStream.read`."""
        if not ended:
            return []
        text = self._path.read_bytes() if self._path.exists() else b""
        text = text[: text.rfind(b"\n") + 1]
        prefix = b"%d %d\n" % (self._blocks[0], len(text))
        return [TileRecord(block, b"") for block in self._blocks[1:]] + [
            TileRecord(self._blocks[0], prefix + text)
        ]

    def close(self) -> None:
        """Nothing is open; see `TileStream.close`."""


class SampleMerge:
    """The samples of all bands in the order of the picture; see `LastPass`.

    Parameters
    ----------
    output : Path
    """

    def __init__(self, output: Path) -> None:
        self._output = output

    def begin(self, tiles: Path, missing: Sequence[int], witness: Excerpt | None) -> None:
        """Put them together at once; see `LastPass.begin`."""
        bands: dict[int, bytes] = {}
        with tiles.open("rb") as file:
            file.read(len(_HEADER))
            while prefix := file.readline():
                block, size = map(int, prefix.split())
                bands[block] = file.read(size)
        self._output.write_bytes(b"".join(bands[block] for block in sorted(bands)))

    def poll(self) -> Path:
        """Return the file; see `LastPass.poll`."""
        return self._output

    def close(self) -> None:
        """Nothing runs; see `LastPass.close`."""
